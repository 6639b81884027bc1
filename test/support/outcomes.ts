import type { ArchiveRecord } from '../../src/archive/index.ts';
import type { CaptureTimings } from '../../src/capture/index.ts';
import type { Trigger } from '../../src/dispatch/index.ts';
import type { TriggerOutcome } from '../../src/outputs/index.ts';
import type { Decision } from '../../src/rules/index.ts';
import type { ReasonCode, Target } from '../../src/signal/index.ts';
import { fireOn, targetOf } from './decisions.ts';

const timings: CaptureTimings = {
  startedAtMs: 1_000,
  queuedMs: 5,
  guardMs: 20,
  checkpointMs: 1_234,
  frozenMs: 480,
};

export function triggerOf(
  target: Target = targetOf('a'),
  decisions: Decision[] = [fireOn(target)],
): Trigger {
  return { id: 'mk00-00000001', target, acceptedMs: 1_000, decisions };
}

export function recordOf({ id, target }: Trigger, changes: Partial<ArchiveRecord> = {}) {
  const { containerId, ...names } = target;
  const record: ArchiveRecord = {
    apiVersion: 'stillpoint.dev/v1alpha1',
    kind: 'ArchiveRecord',
    archive: 'checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar',
    bytes: 211_812_352,
    sha256: 'e'.repeat(64),
    createdMs: 2_000,
    node: 'node-a',
    ...names,
    containerId,
    image: 'cart:1',
    imageId: 'sha256:1',
    backend: 'cri',
    backendReason: 'auto: cri socket answers',
    engine: 'containerd',
    retainClass: 'default',
    trigger: { id, acceptedMs: 1_000, causes: [] },
    timings: { ...timings, predictedFreezeMs: 1_000, verifyMs: 250 },
    verified: 'complete',
    processes: 3,
    pagesBytes: 1_000,
    ...changes,
  };
  return record;
}

export function archived(
  trigger = triggerOf(),
  changes: Partial<ArchiveRecord> = {},
): TriggerOutcome {
  return { kind: 'archived', trigger, record: recordOf(trigger, changes) };
}

export function failed(
  trigger = triggerOf(),
  changes: Partial<Extract<TriggerOutcome, { kind: 'failed' }>> = {},
): Extract<TriggerOutcome, { kind: 'failed' }> {
  return {
    kind: 'failed',
    trigger,
    backend: 'kubelet',
    failure: 'established-tcp',
    message: 'criu failed: type NOTIFY errno 0',
    hint: 'put tcp-established into /etc/criu/runc.conf on the node',
    retryable: true,
    timings,
    ...changes,
  };
}

export function refused(
  reason: ReasonCode = 'disk-low',
  trigger = triggerOf(),
): Extract<TriggerOutcome, { kind: 'refused' }> {
  return { kind: 'refused', trigger, reason, detail: '3 GiB free, 4 GiB needed' };
}

export function notAccepted(
  decision: Decision = fireOn(targetOf('a')),
  reason: ReasonCode = 'budget',
): TriggerOutcome {
  return { kind: 'not-accepted', decision, reason, detail: '6 of 6 this hour' };
}
