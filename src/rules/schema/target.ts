import * as z from 'zod';
import { labelKey, labelMap, labelValue } from '../label-fields.ts';
import { globs } from './parts.ts';

const labelExpression = z
  .strictObject({
    key: labelKey(),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(labelValue()).max(1_000).default([]),
  })
  .superRefine(({ operator, values }, context) => {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues === values.length > 0) return;
    context.addIssue({
      code: 'custom',
      path: ['values'],
      message: needsValues ? `${operator} needs at least one value` : `${operator} takes no values`,
    });
  });

/** `spec.target`. */
export const target = z
  .strictObject({
    namespaces: globs().default([]).describe('Globs; left out = all'),
    podSelector: z
      .strictObject({
        matchLabels: labelMap().default({}).describe('Labels with values'),
        matchExpressions: z.array(labelExpression).max(100).default([]),
      })
      .prefault({})
      .describe('Kubernetes label selector; empty = all pods'),
    containers: globs()
      .default([])
      .describe('Globs on container names; left out = all but init and ephemeral containers'),
  })
  .describe('Which containers the rule reaches');
