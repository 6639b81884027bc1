import * as z from 'zod';
import {
  API_VERSION,
  byteCount,
  cronLine,
  dnsLabel,
  durationMs,
  type JsonSchema,
  jsonSchemaOf,
  type Mistake,
  metadataFields,
  mistakeAt,
  timeZoneName,
  validateDocument,
  type YamlDocument,
} from '../base/index.ts';
import { groupKeys, type RetentionPolicy } from './policy.ts';

export const POLICY_KIND = 'RetentionPolicy';

const count = (min: number) => z.int().min(min).max(1_000_000);

const keep = z.strictObject({
  last: count(1).optional().describe('So many of each group, the newest'),
  within: durationMs({ min: 1_000 }).optional().describe('All that are younger than this'),
});

const limits = z.strictObject({
  maxAge: durationMs({ min: 1_000 }).optional().describe('Remove what is older'),
  maxCount: count(1).optional().describe('At most so many archives of this policy on the node'),
  maxBytes: byteCount({ min: 1 }).optional().describe('At most so many bytes on the node'),
});

/** The language of retention policies. */
export const policySchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(POLICY_KIND),
  metadata: metadataFields(),
  spec: z.strictObject({
    select: z.strictObject({
      classes: z.array(dnsLabel()).min(1).describe('Classes of rules (retain.class)'),
    }),
    groupBy: z
      .array(z.enum(groupKeys))
      .min(1)
      .default(['namespace', 'owner', 'container'])
      .describe('keep and minKeep count within each group'),
    keep: keep.optional().describe('What is kept; everything else of a group is removed'),
    limits: limits
      .prefault({})
      .describe('Bounds on all that the policy selects; they go before keep'),
    minKeep: count(0).default(1).describe('So many of each group are never removed'),
    adopt: z
      .boolean()
      .default(false)
      .refine((adopt) => !adopt, {
        message: 'cannot be switched on: archives that Stillpoint did not make are never removed',
        params: { allowed: 'false' },
      })
      .describe('Archives that Stillpoint did not make are never touched; only false is taken')
      .meta({ const: false }),
    cron: cronLine()
      .default('*/15 * * * *')
      .describe('When it is enforced, besides after captures'),
    timeZone: timeZoneName().default('UTC'),
  }),
});

type GivenPolicy = z.output<typeof policySchema>;

/** Policies, or every mistake in them; with one mistake none is used. */
export type LoadedPolicies =
  | { ok: true; policies: readonly RetentionPolicy[]; warnings: readonly Mistake[] }
  | { ok: false; mistakes: readonly Mistake[] };

/**
 * Checks the documents of kind RetentionPolicy. Beyond each document: two policies of one name, two
 * that select one class (it would not be clear which to follow).
 */
export function policiesFromDocuments(documents: readonly YamlDocument[]): LoadedPolicies {
  const mistakes: Mistake[] = [];
  const warnings: Mistake[] = [];
  const policies: RetentionPolicy[] = [];
  const names = new Map<string, YamlDocument>();
  const classes = new Map<string, { document: YamlDocument; index: number }>();
  for (const document of documents) {
    const checked = validateDocument(document, policySchema);
    if (!checked.ok) {
      mistakes.push(...checked.mistakes);
      continue;
    }
    mistakes.push(...conflicts(document, checked.value, names, classes));
    warnings.push(...oddities(document, checked.value));
    policies.push(toPolicy(checked.value));
  }
  return mistakes.length > 0 ? { ok: false, mistakes } : { ok: true, policies, warnings };
}

function conflicts(
  document: YamlDocument,
  { metadata, spec }: GivenPolicy,
  names: Map<string, YamlDocument>,
  classes: Map<string, { document: YamlDocument; index: number }>,
): Mistake[] {
  const mistakes: Mistake[] = [];
  if (metadata.namespace !== undefined) {
    const message = 'must be left out: a policy is for the whole node';
    mistakes.push(mistakeAt(document, ['metadata', 'namespace'], { message }, 'key'));
  }
  const first = names.get(metadata.name);
  if (first) {
    mistakes.push(
      mistakeAt(document, ['metadata', 'name'], {
        message: `is the name of two policies, "${metadata.name}"`,
        other: { ...first.place(['metadata', 'name']), note: 'the first' },
      }),
    );
  } else {
    names.set(metadata.name, document);
  }
  spec.select.classes.forEach((name, index) => {
    const path = ['spec', 'select', 'classes'];
    const taken = classes.get(name);
    if (!taken) {
      classes.set(name, { document, index });
      return;
    }
    const message =
      taken.document === document
        ? `lists class "${name}" twice`
        : `selects class "${name}", which another policy selects too`;
    const other = { ...taken.document.place([...path, taken.index]), note: 'the first' };
    mistakes.push(mistakeAt(document, [...path, index], { message, other }));
  });
  return mistakes;
}

/** What can be meant, but probably is not. */
function oddities(document: YamlDocument, { spec }: GivenPolicy): Mistake[] {
  const warnings: Mistake[] = [];
  const { last, within } = spec.keep ?? {};
  if (last === undefined && within === undefined && Object.keys(spec.limits).length === 0) {
    const message = 'has neither keep nor limits, so it removes nothing';
    warnings.push(mistakeAt(document, ['spec'], { message }, 'key'));
  }
  if (last !== undefined && last < spec.minKeep) {
    const message = `keeps fewer than minKeep (${spec.minKeep}), which goes before`;
    warnings.push(mistakeAt(document, ['spec', 'keep', 'last'], { message }));
  }
  return warnings;
}

function toPolicy({ metadata, spec }: GivenPolicy): RetentionPolicy {
  const { last, within } = spec.keep ?? {};
  const policy: RetentionPolicy = {
    name: metadata.name,
    classes: spec.select.classes,
    groupBy: spec.groupBy,
    limits: {
      maxAgeMs: spec.limits.maxAge,
      maxCount: spec.limits.maxCount,
      maxBytes: spec.limits.maxBytes,
    },
    minKeep: spec.minKeep,
    cron: spec.cron,
    timeZone: spec.timeZone,
  };
  // An empty `keep: {}` says nothing; reading it as "keep none" would remove almost everything.
  if (last !== undefined || within !== undefined) policy.keep = { last, withinMs: within };
  return policy;
}

/** The JSON Schema of a RetentionPolicy as it is written. */
export function policyJsonSchema(): JsonSchema {
  return { title: POLICY_KIND, ...jsonSchemaOf(policySchema) };
}
