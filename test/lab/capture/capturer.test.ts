import { statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/base/index.ts';
import type { CaptureOutcome } from '../../../src/capture/index.ts';
import { gapsIn, podLogs, startContainerd, stopContainerd } from '../lib/index.ts';
import { useCaptureRig } from './capture-rig.ts';
import { targetOfPod } from './lab-node.ts';

/** Large enough that a checkpoint lasts a second or two. */
const SIZE_MB = 384;
const never = new AbortController().signal;

function captured(outcome: CaptureOutcome) {
  expect(outcome).toMatchObject({ kind: 'captured' });
  return outcome as Extract<CaptureOutcome, { kind: 'captured' }>;
}

describe('a capture on the real node', () => {
  const rig = useCaptureRig();

  it.each(['cri', 'kubelet'] as const)('through %s tells how long it stood still', async (via) => {
    const target = await rig.startHog(`capture-${via}`, SIZE_MB);
    const outcome = captured(await rig.makeCapturer().capture(rig.triggerOn(target, via), never));
    await rig.expectTicking(target);
    const longestMs = Math.max(...gapsIn(await podLogs(target.pod)).map(({ ms }) => ms));
    // Both are late by what a busy machine lets them wait; a wrong account is off by far more.
    const offByMs = Math.abs(longestMs - (outcome.timings.frozenMs ?? 0));
    expect(offByMs).toBeLessThan(100 + longestMs / 4);
    expect(statSync(outcome.archivePath).size).toBeGreaterThan(SIZE_MB * 2 ** 20);
    expect(outcome.thaw).toMatchObject({ end: 'runs', acts: [] });
    const predicted = outcome.predictedFreezeMs;
    expect(predicted).toBeGreaterThan(200 + (SIZE_MB * 2 ** 20) / 5e6);
  });

  it('given up by a stop leaves it running, and no archive is promised', async () => {
    const target = await rig.startHog('stopped', SIZE_MB);
    const stop = new AbortController();
    rig.onState = ({ kind }) => {
      if (kind === 'checkpointing') setTimeout(() => stop.abort(), 400);
    };
    const outcome = await rig.makeCapturer().capture(rig.triggerOn(target, 'cri'), stop.signal);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: 'cancelled',
      thaw: { end: 'runs' },
      lateArchive: { path: expect.stringContaining('checkpoint-stopped_default-work-') },
    });
    await rig.expectTicking(target);
  });

  it('cut off by a crash of containerd is thawed as soon as containerd is back', async () => {
    const target = await rig.startHog('crash', SIZE_MB);
    const crashed = Promise.withResolvers<void>();
    rig.onState = ({ kind }) => {
      if (kind !== 'checkpointing') return;
      setTimeout(() => {
        stopContainerd()
          .then(() => startContainerd())
          .then(crashed.resolve, crashed.reject);
      }, 500);
    };
    const outcome = await rig.makeCapturer().capture(rig.triggerOn(target, 'cri'), never);
    await crashed.promise;
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: 'unreachable',
      retryable: true,
      thaw: { end: 'runs' },
    });
    await rig.expectTicking(target);
  });

  it.each([
    [
      'established-tcp',
      'sleep 1000 | busybox nc -l -p 7000 >/dev/null & sleep 1; ' +
        'sleep 1000 | busybox nc 127.0.0.1 7000',
    ],
    [
      'ghost-file',
      'busybox head -c 3000000 /dev/urandom >/tmp/x; exec 3</tmp/x; busybox rm /tmp/x; sleep 1000',
    ],
  ])('is named %s by the log of CRIU', async (failure, script) => {
    const started = await rig.start({ name: failure, command: ['sh', '-c', script] });
    await systemClock.sleep(2_000);
    const outcome = await rig.makeCapturer().capture(rig.triggerOn(targetOfPod(started)), never);
    expect(outcome).toMatchObject({ kind: 'failed', failure, thaw: { end: 'runs' } });
    expect((outcome as { lateArchive?: object }).lateArchive).toBeUndefined();
  });
});
