import { readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { run } from '../base/run.ts';
import { gapsIn, podLogs, waitFor } from '../lib/index.ts';
import { countTraces, emptyCheckpoints, faultTable, standsStill, tracesOn } from '../rig/index.ts';
import { useCaptureRig } from './capture-rig.ts';
import { type NativeCaptures, openNativeCaptures } from './native-captures.ts';

const SIZE_MB = 256;
const DISK_MB = 1_024;
const table = faultTable('A disk that fills up during a race through containerd, 256 MiB');

describe('a disk that fills up', () => {
  const rig = useCaptureRig();
  let captures: NativeCaptures;
  let directory: string;

  beforeAll(async () => {
    directory = rig.clients.node.checkpointsDir;
    emptyCheckpoints(rig.clients.node);
    const options = `size=${DISK_MB}m,mode=700`;
    await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
    captures = await openNativeCaptures(rig);
  });
  // A second try must find the same room as the first.
  beforeEach(async () => {
    await giveRoom();
    for (const name of readdirSync(directory).filter((each) => each.endsWith('.tar'))) {
      rmSync(join(directory, name));
    }
  });
  afterAll(async () => {
    table.print();
    await run('umount', ['--lazy', directory]);
  });

  /** Makes the disk smaller, in the midst of whatever writes there. */
  const leave = (freeMb: number) =>
    waitFor('the disk to shrink', async () => {
      const { blocks, bfree, bsize } = statfsSync(directory);
      const bytes = (blocks - bfree) * bsize + freeMb * 2 ** 20;
      // Refused where more has been written meanwhile.
      const shrunk = await run('mount', ['-o', `remount,size=${bytes}`, directory], {
        allowFailure: true,
      });
      return shrunk.code === 0;
    });
  const giveRoom = () => run('mount', ['-o', `remount,size=${DISK_MB}m`, directory]);
  it('in the dump: it runs on, nothing is left, and the next one is whole', async () => {
    const { node } = rig.clients;
    const target = await rig.startHog('disk-full', SIZE_MB);
    const before = await tracesOn(node);
    const startedAtMs = Date.now();
    const filled = Promise.withResolvers<true>();
    // The guard has looked at the disk by then.
    rig.onState = ({ kind }) => {
      if (kind === 'guarded') leave(SIZE_MB / 2).then(filled.resolve, filled.reject);
    };
    const outcome = await captures.race(target);
    await filled.promise;
    const frozen = (await standsStill(node, target.containerId)) ? 1 : 0;
    const ended = await captures.keep(outcome);
    await rig.expectTicking(target);
    await giveRoom();
    rig.onState = () => undefined;
    const gaps = gapsIn(await podLogs(target.pod)).filter((gap) => gap.atUnixMs >= startedAtMs);
    const traces = await countTraces({ node, before });
    const next = await captures.keep(await captures.race(target));
    const stoodStillMs = Math.max(0, ...gaps.map(({ ms }) => ms));
    table.add({ fault: 'disk full', moment: 'dump', ended, stoodStillMs, frozen, ...traces, next });
    expect({ ended, frozen, ...traces, next }).toEqual({
      ended: 'failed: disk-full',
      ...{ frozen: 0, halfArchives: 0, leftovers: 0, named: [] },
      next: 'complete',
    });
  });

  it('in the assembly: no half archive, and once there is room it is made of the same images', async () => {
    const { node } = rig.clients;
    const target = await rig.startHog('disk-full', SIZE_MB);
    const before = await tracesOn(node);
    const outcome = await captures.race(target);
    const frozen = (await standsStill(node, target.containerId)) ? 1 : 0;
    // Room for half of the archive: it fills up while that is written, however quick the writer is.
    await leave(SIZE_MB / 2);
    const ended = await captures.keep(outcome);
    const halves = await tracesOn(node);
    await giveRoom();
    const next = await captures.keep(outcome);
    await rig.expectTicking(target);
    const traces = await countTraces({ node, before });
    table.add({
      fault: 'disk full',
      moment: 'assembly',
      ended,
      stoodStillMs: undefined,
      frozen,
      ...traces,
      next,
    });
    expect(ended).toBe('not kept: disk-low');
    expect(halves.halfArchives).toEqual([]);
    expect({ frozen, ...traces, next }).toEqual({
      ...{ frozen: 0, halfArchives: 0, leftovers: 0, named: [] },
      next: 'complete',
    });
  });
});
