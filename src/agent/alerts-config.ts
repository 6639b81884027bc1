import * as z from 'zod';
import { alertShape } from '../rules/index.ts';
import type { AlertShape } from '../signal/index.ts';

/** The longest path, and its most parts: each way to cut it at its dots is tried. */
const PATH_CHARS_MAX = 256;
const PATH_PARTS_MAX = 10;

const path = z
  .string()
  .min(1)
  .max(PATH_CHARS_MAX)
  .refine((given) => given.split('.').length <= PATH_PARTS_MAX, {
    error: `has more than ${PATH_PARTS_MAX} parts`,
  });

const paths = z.union([path, z.array(path).min(1).max(10)]);

const fieldMap = z.strictObject({
  containerId: paths.optional().describe('At least 12 hex digits, bare or as containerd://…'),
  podUid: paths.optional().describe('metadata.uid of the pod'),
  namespace: paths.optional(),
  pod: paths.optional().describe('Name of the pod'),
  container: paths.optional().describe('Name of the container'),
  node: paths.optional().describe('The node that it is about; for others it is only counted'),
  id: paths.optional().describe("The sender's own id of the alert"),
  severity: paths.optional().describe('Becomes the field stillpoint.severity'),
  title: paths.optional().describe('Becomes the field stillpoint.title'),
  time: paths.optional().describe('RFC 3339, or a number since 1970'),
});

const targetMap = fieldMap.superRefine(({ containerId, podUid, pod }, context) => {
  if (containerId !== undefined || podUid !== undefined || pod !== undefined) return;
  const params = { allowed: 'at least one of containerId, podUid and pod', at: 'key' };
  context.addIssue({ code: 'custom', message: 'tells no target', params });
});

const name = z.string().superRefine((given, context) => {
  if (alertShape.safeParse(`json/${given}`).success) return;
  const params = { allowed: 'lower case letters, digits and -, at most 63', at: 'key' };
  context.addIssue({ code: 'custom', message: 'can be no name of a map', params });
});

/** `alerts` of the configuration: where payloads say what Stillpoint wants to know. */
export const alerts = z.strictObject({
  cloudevents: z
    .strictObject({
      fields: fieldMap.prefault({}).describe('Paths that go before the standard ones'),
    })
    .prefault({}),
  json: z
    .record(name, z.strictObject({ fields: targetMap }))
    .default({})
    .describe('By name: alerts of the shape json/NAME, posted to /alerts/json/NAME'),
});

/** One entry of `nats.subjects`. */
export const alertSubject = z.union([
  z.string().min(1),
  z.strictObject({ subject: z.string().min(1), shape: alertShape }),
]);

/** Subjects with their shapes; of a text alone it is Falco's. */
export function alertSubjects(
  given: readonly z.output<typeof alertSubject>[],
): { subject: string; shape: AlertShape }[] {
  return given.map((one) =>
    typeof one === 'string' ? { subject: one, shape: 'falco' as const } : one,
  );
}

/** The maps as the sources take them. */
export function alertMaps({ cloudevents, json }: z.output<typeof alerts>) {
  const maps = Object.entries(json).map(([key, { fields }]) => [key, fields] as const);
  return { cloudevents: cloudevents.fields, json: Object.fromEntries(maps) };
}

/** Refuses subjects whose shape nobody has written a map for. */
export function refineSubjects(
  { nats, alerts: { json } }: Subjects,
  context: z.core.$RefinementCtx,
): void {
  for (const [index, { shape }] of alertSubjects(nats?.subjects ?? []).entries()) {
    if (!shape.startsWith('json/') || Object.hasOwn(json, shape.slice('json/'.length))) continue;
    const names = Object.keys(json).map((key) => `json/${key}`);
    context.addIssue({
      code: 'custom',
      path: ['nats', 'subjects', index, 'shape'],
      message: 'has no map in alerts.json',
      params: { allowed: ['falco', 'alertmanager', 'cloudevents', ...names].join(', ') },
      input: shape,
    });
  }
}

interface Subjects {
  nats?: { subjects: readonly z.output<typeof alertSubject>[] };
  alerts: z.output<typeof alerts>;
}
