import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { daemonPid, gapsIn, podLogs, waitFor } from '../lib/index.ts';
import {
  countTraces,
  emptyCheckpoints,
  faultTable,
  freezerOf,
  SETTLE_KILLED_MS,
  standsStill,
  tracesOn,
} from '../rig/index.ts';
import { useCaptureRig } from './capture-rig.ts';
import { type NativeCaptures, openNativeCaptures } from './native-captures.ts';

const SIZE_MB = 64;
/** Two seconds without anybody at work, and what a busy machine adds. */
const RUNS_AGAIN_MS_MAX = 4_000;
const table = faultTable('A race through containerd, which hangs');

describe('a containerd that hangs', () => {
  const rig = useCaptureRig();
  let captures: NativeCaptures;
  let containerd: number;

  beforeAll(async () => {
    emptyCheckpoints(rig.clients.node);
    captures = await openNativeCaptures(rig);
    containerd = daemonPid(`containerd-${rig.clients.node.name}`);
  });
  afterAll(() => table.print());

  it('right after our freeze holds nobody still: it runs again while containerd hangs', async () => {
    const { node } = rig.clients;
    const target = await rig.startHog('hung', SIZE_MB);
    const before = await tracesOn(node);
    const freezer = await freezerOf(node, target.containerId);
    const startedAtMs = Date.now();
    rig.onState = ({ kind }) => {
      // Told at the moment of the freeze, before the checkpoint is asked for. A race that went calm
      // for want of a guard froze nothing, and is no case of this.
      if (kind === 'checkpointing' && freezer() === 'frozen') process.kill(containerd, 'SIGSTOP');
    };
    let stoodStillMs = 0;
    const capture = captures.race(target);
    try {
      await waitFor('the freeze', () => freezer() === 'frozen', { everyMs: 1 });
      const frozenAtMs = Date.now();
      await waitFor('the thaw', () => freezer() === 'thawed', { everyMs: 5, timeoutMs: 30_000 });
      stoodStillMs = Date.now() - frozenAtMs;
    } finally {
      rig.onState = () => undefined;
      process.kill(containerd, 'SIGCONT');
    }
    const ended = await captures.keep(await capture);
    await rig.expectTicking(target);
    const frozen = (await standsStill(node, target.containerId)) ? 1 : 0;
    const gaps = gapsIn(await podLogs(target.pod)).filter((gap) => gap.atUnixMs >= startedAtMs);
    const traces = await countTraces({ node, before, settleMs: SETTLE_KILLED_MS });
    const next = await captures.keep(await captures.race(target));
    const longest = Math.max(0, ...gaps.map(({ ms }) => ms));
    const row = {
      fault: 'containerd SIGSTOP',
      moment: 'after the freeze',
      ended,
      frozen,
      ...traces,
    };
    table.add({ ...row, stoodStillMs: longest, next });
    expect({ ended, frozen, ...traces, next }).toEqual({
      ...{ ended: 'failed: unreachable', frozen: 0, halfArchives: 0, leftovers: 0, named: [] },
      next: 'complete',
    });
    expect(stoodStillMs).toBeLessThan(RUNS_AGAIN_MS_MAX);
  });
});
