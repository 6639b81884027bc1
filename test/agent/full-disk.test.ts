import { describe, expect, it } from '@jest/globals';
import { createCaptureLine } from '../../src/agent/capture-line.ts';
import { createRandom, StillpointError } from '../../src/base/index.ts';
import type { Trigger } from '../../src/dispatch/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { archivesThat, createHeardFacts, createTestDispatcher, settle } from './support/parts.ts';

const FOLDER =
  '/checkpoints/.stillpoint/images/checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z';
const PATH = '/checkpoints/checkpoint-cart-a_shop-app-2026-01-01T00:00:00.123Z.tar';
const timings = { startedAtMs: 1_000, queuedMs: 5, guardMs: 20, checkpointMs: 300 };

/** A capture has left images, and their archive finds no room. */
async function rig(details: Record<string, number>) {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const heard = createHeardFacts(clock);
  const givenUp: string[] = [];
  let tries = 0;
  const dispatcher = createTestDispatcher(clock, (trigger, signal) =>
    line.capture(trigger, signal),
  );
  const refuse = () => {
    throw new Error('not asked for in this test');
  };
  const captured = (trigger: Trigger) =>
    ({
      kind: 'captured',
      trigger,
      backend: 'containerd',
      backendReason: 'auto',
      archivePath: PATH,
      imagesFolder: FOLDER,
      predictedFreezeMs: 400,
      timings,
    }) as const;
  const line = createCaptureLine({
    node: 'node-1',
    capturer: { capture: async (trigger) => captured(trigger) },
    archives: archivesThat({
      async keep() {
        tries++;
        throw new StillpointError({ code: 'disk-low', message: 'no room', details });
      },
      async giveUpImages(folder) {
        givenUp.push(folder);
        return { kind: 'removed' };
      },
    }),
    late: { start: refuse, expect: refuse, awaited: refuse, settled: refuse, stop: refuse },
    stuck: { add: refuse },
    dispatcher: () => dispatcher,
    podOf: () => undefined,
    mode: () => 'enforce',
    onArchived: refuse,
    facts: heard.facts,
    clock,
    random: createRandom(1),
    log,
  });
  dispatcher.start();
  dispatcher.offer(fireOn(targetOf('a')));
  await settle();
  return {
    clock,
    lines,
    givenUp,
    tries: () => tries,
    ends: () => heard.of('ended').map(({ outcome }) => outcome),
    entry: () => dispatcher.journal.recent(1)[0],
  };
}

describe('images whose archive finds no room', () => {
  it('are tried for ten minutes, then given up, and it is said why', async () => {
    const { clock, ends, entry, givenUp, tries, lines } = await rig({});
    expect(entry()).toMatchObject({ state: 'verifying', facts: { imagesFolder: FOLDER } });
    await clock.advance(590_000);
    expect(tries()).toBeGreaterThan(10);
    expect([givenUp, ends()]).toEqual([[], []]);
    await clock.advance(120_000);
    expect(givenUp).toEqual([FOLDER]);
    expect(entry()?.state).toBe('failed');
    expect(ends()).toMatchObject([
      { kind: 'broken', findings: [expect.stringMatching(/given up: the disk had no room/)] },
    ]);
    const fields = expect.objectContaining({ reason: 'waited-long', imagesFolder: FOLDER });
    expect(lines).toContainEqual(expect.objectContaining({ event: 'images-given-up', fields }));
  });

  it('are given up at once where the kubelet evicts pods for want of space', async () => {
    const { ends, givenUp, tries } = await rig({ freeBytes: 9_000_000, spareBytes: 10_000_000 });
    expect([givenUp, tries()]).toEqual([[FOLDER], 1]);
    expect(ends()).toMatchObject([
      { kind: 'broken', findings: [expect.stringMatching(/the kubelet evicts pods/)] },
    ]);
  });

  it('are kept while they alone would not fit, and more is free than the kubelet wants', async () => {
    const { clock, givenUp } = await rig({ freeBytes: 11_000_000, spareBytes: 10_000_000 });
    await clock.advance(300_000);
    expect(givenUp).toEqual([]);
  });
});
