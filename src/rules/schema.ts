import * as z from 'zod';
import {
  cronLine,
  dnsLabel,
  durationMs,
  metadataFields,
  nameGlob,
  percentRatio,
  timeZoneName,
} from '../base/index.ts';
import { labelKey, labelMap, labelValue } from './label-fields.ts';
import { compilePattern, PATTERN_CHARS_MAX } from './patterns.ts';
import { severities, severityRank } from './severity.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What a capture is allowed when neither rule nor request says otherwise. */
export const captureDefaults = {
  via: 'auto',
  timeoutMs: 10 * MINUTE_MS,
  freezeMsMax: 30_000,
} as const;

/**
 * The language of `kind: CheckpointRule`. One schema gives validation, types and descriptions; a
 * new kind of condition is one more entry of `when` here and one more branch in compile.ts.
 */
const text = (charsMax: number) => z.string().min(1).max(charsMax);

/** A map that must hold exactly one of the keys. */
function exactlyOne<Shape extends z.ZodRawShape>(shape: Shape) {
  return z
    .strictObject(shape)
    .partial()
    .superRefine(requireOne(Object.keys(shape)));
}

function requireOne(keys: readonly string[]) {
  return (value: object, context: z.RefinementCtx) => {
    const given = keys.filter((key) => key in value);
    if (given.length === 1) return;
    context.addIssue({
      code: 'custom',
      message:
        given.length === 0
          ? 'must hold one of the allowed keys'
          : `must hold only one key, but holds ${given.join(' and ')}`,
      params: { allowed: `exactly one of ${keys.join(', ')}`, at: 'key' },
    });
  };
}

const pattern = text(PATTERN_CHARS_MAX).superRefine((value, context) => {
  const compiled = compilePattern(value);
  if (!compiled.ok) context.addIssue({ code: 'custom', message: compiled.why });
});

/** A list that somebody emptied must not come to mean everything. */
function globs() {
  return z.array(nameGlob()).min(1, 'is empty; leave it out to reach all').max(1_000);
}

const scalar = z.union([z.string().max(4_096), z.number(), z.boolean()]);

const tests = {
  equals: scalar.describe('The value is exactly this'),
  in: z.array(scalar).min(1).max(1_000).describe('The value is one of these'),
  glob: text(PATTERN_CHARS_MAX).describe('* is any run of characters, ? is one'),
  re2: pattern.describe('RE2 expression, found anywhere in the value unless anchored'),
  contains: text(4_096).describe('The value has this text in it'),
};

const textTest = exactlyOne(tests).describe('A test of a text');

const severity = z.string().superRefine((value, context) => {
  if (severityRank(value) !== undefined) return;
  context.addIssue({
    code: 'custom',
    message: 'is not a Falco priority',
    params: { allowed: severities.join(', ') },
  });
});

const fieldTests = {
  ...tests,
  exists: z.boolean().describe('The field is there and not null, or is not'),
  severityAtLeast: severity.describe('Falco priority this grave or graver'),
};

const fieldMatch = z
  .strictObject(fieldTests)
  .partial()
  .extend({
    field: text(256).describe('Path in the payload: priority, rule, output_fields.proc.name'),
  })
  .superRefine(requireOne(Object.keys(fieldTests)))
  .describe('A test of one field of the alert');

const memory = z
  .strictObject({
    above: percentRatio({ min: 0.01, max: 1 }).describe(
      'Share of the tightest memory limit that the kernel could not reclaim',
    ),
    for: durationMs({ max: HOUR_MS }).default(0).describe('How long it must stay above'),
  })
  .describe('Memory nears a limit; fires once a life of the container');

const event = z
  .strictObject({
    reason: z
      .union([text(128), z.array(text(128)).min(1).max(100)])
      .describe('Reason of the Event, or a list of them'),
    type: z.enum(['Normal', 'Warning']).optional().describe('Type of the Event'),
    message: textTest.optional().describe('Test of the message'),
    atLeast: z.int().min(1).max(10_000).default(1).describe('Occurrences needed'),
    within: durationMs({ min: 10 * SECOND_MS, max: DAY_MS })
      .default(MINUTE_MS)
      .describe('Sliding window of atLeast'),
  })
  .describe('Kubernetes Events about a pod or container');

const crashLoop = z
  .strictObject({
    restarts: z.int().min(1).max(100).describe('Failed lives needed'),
    within: durationMs({ min: SECOND_MS, max: DAY_MS }).describe('Sliding window of restarts'),
    capture: z
      .strictObject({
        after: durationMs({ max: HOUR_MS })
          .default(5 * SECOND_MS)
          .describe('How old the captured life must be'),
      })
      .prefault({}),
  })
  .describe('A container restarts again and again; its next life is captured');

const alert = z
  .strictObject({
    shape: z.enum(['falco']).describe('Shape of the payload'),
    match: z.array(fieldMatch).min(1).max(50).describe('Tests that must all hold'),
  })
  .describe('An alert from NATS or a webhook');

const schedule = z
  .strictObject({
    cron: cronLine().describe('When, as a cron line of 5 fields (6 with seconds first)'),
    timeZone: timeZoneName().default('UTC').describe('IANA time zone of the cron line'),
  })
  .describe('A calendar; captures every selected running container');

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

const target = z
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

const capture = z.strictObject({
  via: z.enum(['auto', 'cri', 'kubelet']).default(captureDefaults.via).describe('Backend'),
  timeout: durationMs({ min: SECOND_MS, max: DAY_MS })
    .default(captureDefaults.timeoutMs)
    .describe('How long the whole capture may take'),
  freeze: z
    .strictObject({
      max: durationMs({ min: 100, max: HOUR_MS })
        .default(captureDefaults.freezeMsMax)
        .describe('Refuse what is predicted to stand still longer'),
    })
    .prefault({}),
});

const limits = z.strictObject({
  cooldown: durationMs({ max: 30 * DAY_MS })
    .default(10 * MINUTE_MS)
    .describe('Quiet time of one container after this rule fired for it'),
});

/** The kinds of condition, each with the schema of what stands under it. */
export const whenShape = { memory, event, crashLoop, alert, schedule };

/** A CheckpointRule as it is written, defaults filled in. */
export const ruleSchema = z.strictObject({
  apiVersion: z.string(),
  kind: z.literal('CheckpointRule'),
  metadata: metadataFields(),
  spec: z.strictObject({
    description: z.string().max(1_000).default('').describe('For people'),
    mode: z
      .enum(['enforce', 'observe'])
      .default('enforce')
      .describe('observe decides, records and counts, but captures nothing'),
    when: exactlyOne(whenShape).describe('The condition: exactly one kind'),
    target,
    capture: capture.prefault({}),
    limits: limits.prefault({}),
    retain: z
      .strictObject({
        class: dnsLabel().default('default').describe('Class that retention policies select on'),
      })
      .prefault({}),
  }),
});

/** A checked rule in the form it was written in. */
export type GivenRule = z.infer<typeof ruleSchema>;
export type GivenTests = Partial<z.infer<z.ZodObject<typeof fieldTests>>>;
