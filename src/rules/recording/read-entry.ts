import * as z from 'zod';
import { StillpointError } from '../../base/index.ts';
import type { SignalKind } from '../../signal/index.ts';
import { RECORDING_VERSION, type RecordingEntry } from './entry.ts';

const times = { occurredMs: z.number().nullable(), seenMs: z.number().nullable() };
const target = z.looseObject({
  namespace: z.string(),
  pod: z.string(),
  podUid: z.string(),
  container: z.string(),
  containerId: z.string(),
});
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const containerState = z.looseObject({ kind: z.enum(['waiting', 'running', 'terminated']) });
const pod = z.looseObject({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  containers: z.array(
    z.looseObject({
      name: z.string(),
      type: z.string(),
      restartCount: z.number(),
      state: containerState,
      probes: z.array(z.looseObject({ type: z.string() })),
    }),
  ),
});

/** What the core reads of a signal without looking; what else there is passes through. */
const signals: Readonly<Record<SignalKind, z.ZodType>> = {
  podChanged: z.looseObject({ ...times, pod, initial: z.boolean() }),
  podGone: z.looseObject({ ...times, uid: z.string() }),
  event: z.looseObject({
    ...times,
    namespace: z.string(),
    pod: z.string(),
    podUid: z.string(),
    reason: z.string(),
    type: z.string(),
    message: z.string(),
    countDelta: z.number(),
  }),
  memory: z.looseObject({
    ...times,
    target,
    usedRatio: z.number(),
    levels: z.array(z.looseObject({ usedBytes: z.number(), limitBytes: z.number() })),
  }),
  nodeMemory: z.looseObject({
    ...times,
    availableBytes: z.number(),
    capacityBytes: z.number(),
    pods: z.array(
      z.looseObject({
        podUid: z.string(),
        usedBytes: z.number(),
        containers: z.array(
          z.looseObject({
            container: z.string(),
            containerId: z.string(),
            usedBytes: z.number(),
          }),
        ),
      }),
    ),
  }),
  probe: z.looseObject({
    ...times,
    target,
    type: z.string(),
    failures: z.number(),
    successes: z.number(),
  }),
  alert: z.looseObject({
    ...times,
    shape: z.string(),
    fields: z.record(z.string(), scalar),
    hints: z.looseObject({}),
  }),
  tick: z.looseObject({ ...times, rule: z.string(), scheduledMs: z.number() }),
  request: z.looseObject({
    ...times,
    namespace: z.string(),
    pod: z.string(),
    via: z.string(),
    by: z.string(),
  }),
  wake: z.looseObject(times),
};

const decision = z.object({
  verdict: z.string(),
  reason: z.string(),
  detail: z.string(),
  rule: z.string(),
  atMs: z.number(),
  target: z.string().optional(),
});

const options = z.looseObject({
  nodeName: z.string(),
  denyList: z.looseObject({ namespaces: z.array(z.string()), self: z.looseObject({}) }),
  mode: z.enum(['enforce', 'observe']),
});

const entry = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('state'),
    version: z.literal(RECORDING_VERSION),
    cause: z.enum(['begin', 'rotated', 'rules', 'mode', 'after-gap']),
    atMs: z.number(),
    run: z.string(),
    part: z.number(),
    dropped: z.number(),
    redacted: z.boolean(),
    options,
    redact: z.object({
      fields: z.array(z.string()).optional(),
      patterns: z.array(z.string()).optional(),
    }),
    rules: z.array(z.object({ file: z.string(), value: z.looseObject({}) })),
    // restoreState checks it.
    snapshot: z.unknown(),
  }),
  z.object({
    kind: z.literal('signal'),
    nowMs: z.number(),
    signal: z.looseObject({ kind: z.string() }),
    decisions: z.array(decision).optional(),
  }),
  z.object({
    kind: z.literal('refused'),
    nowMs: z.number(),
    rule: z.string(),
    target,
    owner: z.looseObject({ kind: z.string(), name: z.string() }).optional(),
    reason: z.string(),
  }),
  z.object({ kind: z.literal('pods'), nowMs: z.number(), uids: z.array(z.string()) }),
]);

/**
 * One line of a recording, checked down to the parts that the core reads without looking. Error:
 * `bad-input`, which does not name the place: the caller knows file and line.
 */
export function readEntry(line: string): RecordingEntry {
  const checked = entry.safeParse(parse(line));
  if (!checked.success) throw unreadable(checked.error);
  const { data } = checked;
  if (data.kind === 'signal') {
    const { kind } = data.signal;
    if (!Object.hasOwn(signals, kind)) {
      const message = `a signal of kind ${kind}, which this version does not know`;
      throw new StillpointError({ code: 'bad-input', message });
    }
    const signal = signals[kind as SignalKind].safeParse(data.signal);
    if (!signal.success) throw unreadable(signal.error);
  }
  return data as unknown as RecordingEntry;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new StillpointError({ code: 'bad-input', message: 'no JSON', cause });
  }
}

function unreadable({ issues: [first] }: z.ZodError): StillpointError {
  const where = first?.path.join('.') || 'the line';
  const message = `no line of a recording: ${where}: ${first?.message ?? 'not understood'}`;
  return new StillpointError({ code: 'bad-input', message });
}
