import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gapsIn, podLogs, waitFor } from '../lib/index.ts';
import {
  countTraces,
  emptyCheckpoints,
  faultTable,
  freezerOf,
  reach,
  standsStill,
  tracesOn,
} from '../rig/index.ts';
import { useCaptureRig } from './capture-rig.ts';
import { type NativeCaptures, openNativeCaptures } from './native-captures.ts';

const SIZE_MB = 384;
const table = faultTable('A race through containerd that is given up, 384 MiB');

describe('a race through containerd that is given up', () => {
  const rig = useCaptureRig();
  let captures: NativeCaptures;

  beforeAll(async () => {
    emptyCheckpoints(rig.clients.node);
    captures = await openNativeCaptures(rig);
  });
  afterAll(() => table.print());

  /** Resolves at that moment of the capture that goes on. */
  const moments: Record<string, (id: string, over: () => boolean) => Promise<unknown>> = {
    'as soon as it is frozen': async (id) => {
      const freezer = await freezerOf(rig.clients.node, id);
      return waitFor('a freeze', () => freezer() === 'frozen', { everyMs: 1 });
    },
    'when CRIU has begun': (_id, over) => reach('begin', watched(over)),
    'in the middle of the dump': (_id, over) => reach('middle', watched(over)),
    'when the last image is written': (_id, over) => reach('end', watched(over)),
    'when it is to run again': () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      rig.onState = ({ kind }) => {
        if (kind === 'thawing') resolve();
      };
      return promise;
    },
  };
  const watched = (over: () => boolean) => ({ node: rig.clients.node, sizeMB: SIZE_MB, over });

  it.each(Object.keys(moments))('%s: it runs, and nothing is left', async (moment) => {
    const { node } = rig.clients;
    const target = await rig.startHog('given-up', SIZE_MB);
    const before = await tracesOn(node);
    const startedAtMs = Date.now();
    const stop = new AbortController();
    let over = false;
    const reached = moments[moment]?.(target.containerId, () => over);
    const capture = captures.race(target, stop.signal).finally(() => {
      over = true;
    });
    await reached;
    stop.abort();
    const outcome = await capture;
    const frozen = (await standsStill(node, target.containerId)) ? 1 : 0;
    const ended = await captures.keep(outcome);
    await rig.expectTicking(target);
    const gaps = gapsIn(await podLogs(target.pod)).filter((gap) => gap.atUnixMs >= startedAtMs);
    const traces = await countTraces({ node, before });
    const next = await captures.keep(await captures.race(target));
    const stoodStillMs = Math.max(0, ...gaps.map(({ ms }) => ms));
    table.add({ fault: 'cancel', moment, ended, stoodStillMs, frozen, ...traces, next });
    expect({ frozen, ...traces, next }).toEqual({
      ...{ frozen: 0, halfArchives: 0, leftovers: 0, named: [] },
      next: 'complete',
    });
  });
});
