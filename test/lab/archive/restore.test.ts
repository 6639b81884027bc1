import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  deletePod,
  labInfo,
  lastTickIn,
  nodeOf,
  podLogs,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import {
  emptyCheckpoints,
  type PathAgent,
  pathLabels,
  type Restored,
  restoreArchive,
  startPathAgent,
  type UnpackedArchive,
  unpackArchive,
} from '../rig/index.ts';

const node = nodeOf(labInfo());
const PROCESSES = 13;
let agent: PathAgent;
let archive: UnpackedArchive | undefined;
let restored: Restored | undefined;

beforeAll(async () => {
  emptyCheckpoints(node);
  agent = await startPathAgent();
});
afterEach(async () => {
  await restored?.remove();
  archive?.remove();
  restored = archive = undefined;
  await deletePod('restorable');
});
afterAll(() => agent?.stop());

/** The number of the first line, which nobody but the restored process can have written. */
function firstTickIn(log: string): number {
  return Number(/^tick (\d+)$/m.exec(log)?.[1]);
}

describe('an archive that is restored by runc alone', () => {
  it.each(['containerd-calm', 'containerd-race'] as const)(
    'of %s goes on counting, with all processes, threads and bytes in flight',
    async (path) => {
      const command = ['family', String(PROCESSES), '3'];
      const { id } = await startWorkPod({ name: 'restorable', labels: pathLabels, command });
      await waitFor('ticks', async () => (lastTickIn(await podLogs('restorable')) ?? 0) >= 10);
      const before = lastTickIn(await podLogs('restorable')) ?? 0;
      const outcome = await agent.capture(path, id);
      const after = lastTickIn(await podLogs('restorable')) ?? 0;
      if (outcome.kind !== 'archived') throw new Error(JSON.stringify(outcome));
      archive = await unpackArchive(join(node.checkpointsDir, outcome.record.archive));
      restored = await restoreArchive(node, archive);
      const { log, signal } = restored;
      await waitFor('it to count', () => lastTickIn(log()));
      expect(firstTickIn(log())).toBeGreaterThanOrEqual(before);
      expect(firstTickIn(log())).toBeLessThanOrEqual(after + 1);
      await signal('USR1');
      const report = await waitFor('its report', () => /^intact .*$/m.exec(log())?.[0]);
      expect(report).toBe(`intact ${PROCESSES} of ${PROCESSES}`);
    },
  );

  it('finds the root file system as it was changed', async () => {
    const command = ['scribble', '5'];
    const { id } = await startWorkPod({ name: 'restorable', labels: pathLabels, command });
    await waitFor('ticks', async () => lastTickIn(await podLogs('restorable')));
    const outcome = await agent.capture('containerd-race', id);
    if (outcome.kind !== 'archived') throw new Error(JSON.stringify(outcome));
    archive = await unpackArchive(join(node.checkpointsDir, outcome.record.archive));
    restored = await restoreArchive(node, archive);
    const { log, exec } = restored;
    await waitFor('it to count', () => lastTickIn(log()));
    expect((await exec('ls', '/lower')).split('\n').filter(Boolean)).toEqual([
      ...['appended', 'becomes-dir', 'becomes-file', 'becomes-link', 'kept', 'mode'],
      ...['opaque', 'owner', 'renamed-to'],
    ]);
    expect(await exec('ls', '/lower/opaque')).toBe('new\n');
    expect(await exec('cat', '/lower/appended')).toBe('appended of the image\nand more\n');
  });
});
