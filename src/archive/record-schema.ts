import * as z from 'zod';
import type { SignalKind } from '../signal/index.ts';
import type { ArchiveRecord } from './record.ts';

const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();
/** Every kind there is: a record of one that is not named here could not be read again. */
const signalKinds = {
  podChanged: 'podChanged',
  podGone: 'podGone',
  event: 'event',
  memory: 'memory',
  nodeMemory: 'nodeMemory',
  probe: 'probe',
  alert: 'alert',
  tick: 'tick',
  request: 'request',
  wake: 'wake',
} as const satisfies { [K in SignalKind]: K };

const cause = z.object({
  rule: z.string(),
  reason: z.string(),
  detail: z.string(),
  atMs: z.number(),
  trail: z
    .array(
      z.object({
        part: z.string(),
        holds: z.boolean(),
        saw: z.string(),
        wants: z.string().optional(),
      }),
    )
    .optional(),
  signal: z.object({
    kind: z.enum(signalKinds),
    occurredMs: z.number(),
    seenMs: z.number(),
    text: z.string(),
    data: z.record(z.string(), z.unknown()),
  }),
});

/** The shape of a record file. Keys that a newer Stillpoint added are passed over. */
export const recordShape: z.ZodType<ArchiveRecord> = z.object({
  apiVersion: z.literal('stillpoint.dev/v1alpha1'),
  kind: z.literal('ArchiveRecord'),
  archive: z.string(),
  bytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdMs: ms,
  node: z.string(),
  namespace: z.string(),
  pod: z.string(),
  podUid: z.string(),
  container: z.string(),
  containerId: z.string(),
  owner: z.object({ kind: z.string(), name: z.string() }).optional(),
  image: z.string(),
  imageId: z.string(),
  backend: z.enum(['containerd', 'cri', 'kubelet']),
  backendReason: z.string(),
  engine: z.string(),
  retainClass: z.string(),
  trigger: z.object({
    id: z.string(),
    acceptedMs: ms,
    causes: z.array(cause),
    causesLeftOut: count.optional(),
  }),
  timings: z.object({
    queuedMs: ms,
    guardMs: ms,
    checkpointMs: ms,
    frozenMs: ms.optional(),
    criuFrozenMs: ms.optional(),
    predictedFreezeMs: ms,
    assemblyMs: ms.optional(),
    verifyMs: ms,
  }),
  dump: z
    .object({
      sequence: z.enum(['race', 'calm']),
      sequenceReason: z.string(),
      consistency: z.enum(['frozen', 'running']),
      pause: z.enum(['none', 'task', 'freezer']).optional(),
      stoodStillMs: ms.optional(),
      guardLapsed: z.literal(true).optional(),
    })
    .optional(),
  missing: z
    .array(z.object({ member: z.string(), why: z.string(), isPartly: z.literal(true).optional() }))
    .optional(),
  verified: z.enum(['complete', 'unverified']),
  processes: count,
  pagesBytes: count,
  hold: z.object({ reason: z.string(), by: z.string(), untilMs: ms.optional() }).optional(),
});
