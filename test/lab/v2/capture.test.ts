import { statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { useCaptureRig } from '../capture/capture-rig.ts';
import { leftFrozenSuite } from '../capture/left-frozen-suite.ts';

/** Small: the emulated machine dumps 5 to 20 times slower than a real one. */
const SIZE_MB = 16;

describe('a capture on cgroup v2', () => {
  const rig = useCaptureRig();

  it('sees the freeze, and leaves the container running', async () => {
    const target = await rig.startHog('captured', SIZE_MB);
    const signal = new AbortController().signal;
    const outcome = await rig.makeCapturer().capture(rig.triggerOn(target, 'cri'), signal);
    expect(outcome).toMatchObject({
      kind: 'captured',
      timings: { frozenMs: expect.any(Number) },
      thaw: { end: 'runs', acts: [] },
    });
    if (outcome.kind !== 'captured') return;
    expect(outcome.predictedFreezeMs).toBeGreaterThan(200 + (SIZE_MB * 2 ** 20) / 5e6);
    expect(statSync(outcome.archivePath).size).toBeGreaterThan(SIZE_MB * 2 ** 20);
    await rig.expectTicking(target);
  });

  it('given up by a stop leaves the container running', async () => {
    const target = await rig.startHog('stopped', SIZE_MB);
    const stop = new AbortController();
    rig.onState = ({ kind }) => {
      if (kind === 'checkpointing') setTimeout(() => stop.abort(), 1_000);
    };
    const outcome = await rig.makeCapturer().capture(rig.triggerOn(target), stop.signal);
    expect(outcome).toMatchObject({ kind: 'failed', failure: 'cancelled', thaw: { end: 'runs' } });
    await rig.expectTicking(target);
  });
});

leftFrozenSuite(SIZE_MB);
