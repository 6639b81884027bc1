import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  checkpointctl,
  deletePod,
  labInfo,
  nodeOf,
  podLogs,
  type RunningContainer,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import {
  emptyCheckpoints,
  type Path,
  type PathAgent,
  pathLabels,
  proveArchive,
  startPathAgent,
  type UnpackedArchive,
  unpackArchive,
} from '../rig/index.ts';

const node = nodeOf(labInfo());
/** Of the large file in the root file system. */
const FILE_MB = Number(process.env.STILLPOINT_LAB_FILE_MB ?? 30);
const PROCESSES = 21;
const THREADS = 3;

let agent: PathAgent;
const unpacked: UnpackedArchive[] = [];

beforeAll(async () => {
  emptyCheckpoints(node);
  agent = await startPathAgent();
});
afterEach(() => {
  for (const archive of unpacked.splice(0)) archive.remove();
  emptyArchives();
});
afterAll(async () => {
  await agent?.stop();
  await deletePod('equal');
});

/** Archives of earlier tests: they are large. Records and the agent's own files stay. */
function emptyArchives(): void {
  for (const name of readdirSync(node.checkpointsDir)) {
    if (name.endsWith('.tar')) rmSync(join(node.checkpointsDir, name));
  }
}

async function start(command: readonly string[], ready: RegExp): Promise<RunningContainer> {
  await deletePod('equal');
  const running = await startWorkPod({ name: 'equal', labels: pathLabels, command });
  await waitFor('the program', async () => ready.test(await podLogs('equal')));
  return running;
}

interface Seen {
  archive: UnpackedArchive;
  processes: number;
  inspected: unknown;
}

async function captureThrough(path: Path, id: string): Promise<Seen> {
  const outcome = await agent.capture(path, id);
  if (outcome.kind !== 'archived') throw new Error(`${path}: ${JSON.stringify(outcome)}`);
  const { record } = outcome;
  expect(record.verified).toBe('complete');
  await proveArchive(node, record);
  const file = join(node.checkpointsDir, record.archive);
  const archive = await unpackArchive(file);
  unpacked.push(archive);
  return { archive, processes: record.processes, inspected: await inspect(file) };
}

/**
 * All that checkpointctl reads but for what no two dumps have in common, times and sizes; `created`
 * is compared by itself.
 */
async function inspect(file: string): Promise<unknown> {
  const [found] = JSON.parse(await checkpointctl(['inspect', '--all', '--format', 'json', file]));
  const {
    created: _when,
    checkpointed,
    checkpoint_size,
    statistics,
    ...same
  } = found as Record<string, unknown>;
  expect({ checkpointed, checkpoint_size, statistics }).toEqual({
    checkpointed: expect.any(String),
    checkpoint_size: expect.any(Object),
    statistics: expect.any(Object),
  });
  return inOneOrder(same);
}

/** CRIU meets processes in the order in which they have become children of each other. */
function inOneOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const sorted = value.map(inOneOrder).map((each) => [JSON.stringify(each), each] as const);
    return sorted.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inOneOrder(each)]));
}

/** Without the time of the checkpoint. */
function configOf(archive: UnpackedArchive) {
  const {
    createdTime,
    checkpointedTime: _when,
    ...same
  } = archive.json<{
    createdTime: string;
    checkpointedTime: string;
  }>('config.dump');
  return { ...same, createdMs: Date.parse(createdTime) };
}

async function expectEqual(ours: Seen, theirs: Seen): Promise<void> {
  expect([...ours.archive.members.keys()].sort()).toEqual(
    [...theirs.archive.members.keys()].sort(),
  );
  for (const member of ['spec.dump', 'status.dump']) {
    expect(ours.archive.json(member)).toEqual(theirs.archive.json(member));
  }
  const config = configOf(theirs.archive);
  expect(configOf(ours.archive)).toEqual({ ...config, createdMs: expect.any(Number) });
  // containerd notes the creation twice, some ms apart, and CRI tells the other one.
  expect(Math.abs(configOf(ours.archive).createdMs - config.createdMs)).toBeLessThan(1_000);
  expect(await ours.archive.changes()).toEqual(await theirs.archive.changes());
  expect(ours.processes).toBe(theirs.processes);
  expect(ours.inspected).toEqual(theirs.inspected);
}

describe('an archive through containerd equals the one through cri', () => {
  const ours = ['containerd-calm', 'containerd-race'] as const;

  it('of many processes, threads, pipes in flight and deleted files', async () => {
    const command = ['family', String(PROCESSES), String(THREADS)];
    const { id } = await start(command, /^tick 5$/m);
    const theirs = await captureThrough('cri', id);
    expect(theirs.processes).toBe(PROCESSES);
    for (const path of ours) await expectEqual(await captureThrough(path, id), theirs);
  });

  it('of every kind of change to the root file system', async () => {
    const { id } = await start(['scribble', String(FILE_MB)], /^tick 1$/m);
    const theirs = await captureThrough('cri', id);
    const changes = await theirs.archive.changes();
    expect(changes.get('new/big')?.bytes).toBe(FILE_MB * 2 ** 20);
    expect([...changes.keys()]).toEqual(
      expect.arrayContaining(['lower/.wh.deleted', 'lower/.wh.removed', 'lower/opaque/new']),
    );
    for (const path of ours) await expectEqual(await captureThrough(path, id), theirs);
  });
});
