import { type Archives, createArchives, keepRequestOf } from '../../../src/archive/index.ts';
import { isStillpointError, systemClock } from '../../../src/base/index.ts';
import type { CaptureOutcome } from '../../../src/capture/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { openStore } from '../../../src/store/index.ts';
import type { CaptureRig } from './capture-rig.ts';

/** Captures through containerd, from the trigger to the record, by the parts that the agent joins. */
export interface NativeCaptures {
  /** A race that is given up when `signal` says so. */
  race(target: Target, signal?: AbortSignal): Promise<CaptureOutcome>;
  /** Makes, proves and records the archive of one that ended well. Says how that went. */
  keep(outcome: CaptureOutcome): Promise<string>;
}

export async function openNativeCaptures(rig: CaptureRig): Promise<NativeCaptures> {
  const { node } = rig.clients;
  const archives: Archives = createArchives({
    directory: node.checkpointsDir,
    store: openStore(':memory:'),
    clock: systemClock,
  });
  await archives.start();
  const never = new AbortController().signal;
  const capturer = rig.makeCapturer();
  return {
    race(target, signal = never) {
      const spec = { sequence: 'race', consistency: 'frozen' } as const;
      return capturer.capture(rig.triggerOn(target, 'containerd', spec), signal);
    },
    async keep(outcome) {
      if (outcome.kind === 'failed') return `failed: ${outcome.failure}`;
      if (outcome.kind === 'refused') return `refused: ${outcome.reason}`;
      try {
        const kept = await archives.keep(keepRequestOf(outcome, node.name));
        return kept.kind === 'kept' ? kept.record.verified : kept.kind;
      } catch (error) {
        if (!isStillpointError(error)) throw error;
        return `not kept: ${error.code}`;
      }
    },
  };
}
