import * as z from 'zod';
import { nameGlob, shaped } from '../../base/index.ts';
import { labelKey, labelMap, labelValue } from '../label-fields.ts';
import { globs } from './parts.ts';

const labelExpression = z
  .strictObject({
    key: labelKey().describe('Key of the label'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('As in Kubernetes: NotIn and DoesNotExist also hold where the label is missing'),
    values: z.array(labelValue()).max(1_000).default([]).describe('Of In and NotIn'),
  })
  .superRefine(({ operator, values }, context) => {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues === values.length > 0) return;
    context.addIssue({
      code: 'custom',
      path: ['values'],
      message: needsValues ? `${operator} needs at least one value` : `${operator} takes no values`,
    });
  })
  .meta({
    anyOf: [
      {
        properties: { operator: { enum: ['In', 'NotIn'] }, values: { minItems: 1 } },
        required: ['values'],
      },
      { properties: { operator: { enum: ['Exists', 'DoesNotExist'] }, values: { maxItems: 0 } } },
    ],
  });

const labelSelector = z
  .strictObject({
    matchLabels: labelMap().default({}).describe('Labels with their values; all must be there'),
    matchExpressions: z
      .array(labelExpression)
      .max(100)
      .default([])
      .describe('Label expressions; all must hold'),
  })
  .meta({ title: 'label selector' });

/** Kinds that own pods in every cluster, or that many install. `Pod` is a pod by itself. */
export const ownerKinds = [
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Pod'],
  ...['ReplicationController', 'Rollout', 'CloneSet'],
];

const KIND_ALLOWED = 'a kind as Kubernetes writes it, such as Deployment, CronJob or StatefulSet';

const ownerKind = shaped(
  z.string().superRefine((kind, context) => {
    if (/^[A-Z][A-Za-z0-9]{0,62}$/.test(kind)) return;
    context.addIssue({
      code: 'custom',
      message: 'is not a kind that Kubernetes allows',
      params: {
        allowed: KIND_ALLOWED,
        suggestion: ownerKinds.find((known) => known.toLowerCase() === kind.toLowerCase()),
      },
    });
  }),
  {
    title: 'kind',
    allowed: KIND_ALLOWED,
    pattern: '^[A-Z][A-Za-z0-9]{0,62}$',
    examples: ownerKinds,
  },
);

const owner = z
  .strictObject({
    kind: ownerKind.describe(
      'Kind of the direct owner or of who stands behind it (the Deployment of a ReplicaSet, the ' +
        'CronJob of a Job); Pod is a pod without an owner',
    ),
    name: nameGlob().default('*').describe('Glob on the name of the owner'),
  })
  .meta({ title: 'owner' });

const exclude = z
  .strictObject({
    namespaces: globs('nothing').optional().describe('Globs on namespaces'),
    podSelector: labelSelector.optional().describe('Kubernetes label selector'),
    owner: owner
      .optional()
      .describe('Pods of this owner, and pods while it is not known who stands behind theirs'),
    containers: globs('nothing').optional().describe('Globs on container names'),
  })
  .superRefine((given, context) => {
    const labels = given.podSelector;
    if (Object.values(given).every((one) => one === undefined)) {
      const message = 'is empty; leave it out to exclude nothing';
      context.addIssue({ code: 'custom', message });
    }
    if (!labels || Object.keys(labels.matchLabels).length + labels.matchExpressions.length > 0) {
      return;
    }
    const message = 'excludes every pod, so that the rule can never fire';
    context.addIssue({ code: 'custom', path: ['podSelector'], message });
  })
  .meta({ minProperties: 1 });

/** `spec.target`. */
export const target = z
  .strictObject({
    namespaces: globs().default([]).describe('Globs; left out = all'),
    podSelector: labelSelector.prefault({}).describe('Kubernetes label selector; empty = all pods'),
    owner: owner.optional().describe('Who owns the pod; left out = anyone'),
    containers: globs()
      .default([])
      .describe('Globs on container names; left out = all but init and ephemeral containers'),
    containerTypes: z
      .array(z.enum(['app', 'sidecar', 'init', 'ephemeral']))
      .min(1, 'is empty; leave it out for the default')
      .max(4)
      .optional()
      .describe(
        'Types of container; left out = any type where `containers` names them, else app and sidecar',
      ),
    exclude: exclude
      .optional()
      .describe('Never reached, whatever the rest says: what fits any one of these parts'),
  })
  .describe('Which containers the rule reaches');
