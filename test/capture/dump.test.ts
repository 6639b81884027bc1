import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import {
  type CheckpointReply,
  imagesFolder,
  readDumpedFacts,
  readImagesManifest,
} from '../../src/capture/index.ts';
import { createDumpRig, type DumpRig } from '../support/dump-rig.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const never = new AbortController().signal;
const race = { sequence: 'race', consistency: 'frozen' } as const;

let rig: DumpRig;
let acts: string[];

beforeEach(() => {
  rig = createDumpRig(tempDir());
  acts = rig.container.acts;
  rig.container.onCheckpoint = async () => rig.writeImages();
});

type Reply<Kind extends CheckpointReply['kind']> = Extract<CheckpointReply, { kind: Kind }>;

async function dumped(reply: CheckpointReply | Promise<CheckpointReply>): Promise<Reply<'dumped'>> {
  const given = await reply;
  expect(given).toMatchObject({ kind: 'dumped' });
  return given as Reply<'dumped'>;
}

async function failed(reply: CheckpointReply | Promise<CheckpointReply>): Promise<Reply<'failed'>> {
  const given = await reply;
  expect(given).toMatchObject({ kind: 'failed' });
  return given as Reply<'failed'>;
}

describe('a calm dump', () => {
  it('asks for the checkpoint alone, and takes the files once the container runs', async () => {
    const reply = await dumped(rig.dump());
    expect(acts).toEqual(['checkpoint']);
    await reply.complete(never);
    expect(acts.slice(1)).toEqual(['files prepared', 'files taken', 'files released']);
    const { rootfsDiff } = imagesFolder(rig.folder);
    expect(readFileSync(rootfsDiff)).toEqual(rig.container.layer);
    expect(await readDumpedFacts(rig.folder)).toMatchObject({
      pause: 'none',
      files: { kind: 'taken', bytes: 2_048 },
    });
    expect(await readImagesManifest(rig.folder)).toMatchObject({
      containerId: 'a',
      sequence: 'calm',
      consistency: 'running',
      config: { name: 'app_cart-a_shop_uid-a_0', runtime: 'io.containerd.runc.v2' },
    });
  });

  it('writes for root alone, and its word that all is well last', async () => {
    const reply = await dumped(rig.dump());
    const { root, manifest, dumped: word } = imagesFolder(rig.folder);
    expect([lstatSync(root).mode & 0o777, lstatSync(manifest).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
    expect(existsSync(word)).toBe(false);
    await reply.complete(never);
    expect(lstatSync(word).mode & 0o777).toBe(0o600);
  });

  it('says in the archive what could not be had, and is whole all the same', async () => {
    rig.container.layer = new StillpointError({ code: 'not-found', message: 'snapshot is gone' });
    const reply = await dumped(rig.dump());
    await reply.complete(never);
    expect(await readDumpedFacts(rig.folder)).toMatchObject({
      files: { kind: 'missing', why: 'snapshot is gone' },
    });
    expect(acts).toContain('files released');
  });

  it('notes that nothing was changed, and keeps no empty layer', async () => {
    rig.container.layer = Buffer.alloc(1_024);
    await (await dumped(rig.dump())).complete(never);
    expect(await readDumpedFacts(rig.folder)).toMatchObject({ files: { kind: 'none' } });
    expect(existsSync(imagesFolder(rig.folder).rootfsDiff)).toBe(false);
  });

  it.each<[string, Buffer | undefined, string]>([
    ['copied as a file where it can be seen', Buffer.alloc(2_048, 'blob'), 'blob'],
    ['read from the runtime where the file is another', Buffer.alloc(7, 'blob'), 'laye'],
    ['read from the runtime where there is no such file', undefined, 'laye'],
  ])('has its layer %s', async (_, blob, begin) => {
    rig.contentRoot = tempDir();
    const store = join(rig.contentRoot, 'io.containerd.content.v1.content/blobs/sha256');
    mkdirSync(store, { recursive: true });
    if (blob) writeFileSync(join(store, 'a'.repeat(64)), blob, { mode: 0o444 });
    await (await dumped(rig.dump())).complete(never);
    const { rootfsDiff } = imagesFolder(rig.folder);
    expect(readFileSync(rootfsDiff, 'utf8').slice(0, 4)).toBe(begin);
    expect(lstatSync(rootfsDiff)).toMatchObject({ size: 2_048, mode: 0o100600 });
  });

  it('takes no folder that is there already', async () => {
    mkdirSync(rig.folder, { recursive: true });
    const reply = await failed(rig.dump());
    expect(reply).toMatchObject({
      message: expect.stringContaining('EEXIST'),
      mayFinishLater: false,
    });
    expect(acts).toEqual([]);
    // Whoever made it, it is not ours to remove.
    await reply.discard?.();
    expect(existsSync(rig.folder)).toBe(true);
  });
});

describe('a dump that cannot begin', () => {
  it('leaves nothing of what it had made', async () => {
    const memory = join(tempDir(), 'in-memory');
    mkdirSync(join(memory, 'taken'), { recursive: true });
    const reply = await failed(rig.dump({ imagesDirectory: join(memory, 'taken', 'checkpoint') }));
    expect(reply.message).toContain('EEXIST');
    expect(existsSync(rig.folder)).toBe(false);
    expect(existsSync(join(memory, 'taken'))).toBe(true);
  });
});

describe('a dump in a race', () => {
  it.each([1, 2] as const)('freezes by the file on cgroup v%i, dumps, thaws', async (version) => {
    const cgroup = { ...rig.container.cgroup, version };
    const reply = await dumped(rig.dump({ ...race, cgroup }));
    expect(acts).toEqual([
      ...['protected freezer', 'freezer frozen', 'files prepared', 'checkpoint', 'files taken'],
      'freezer thawed',
    ]);
    expect(rig.container).toMatchObject({ task: 'running', freezer: 'thawed' });
    expect(reply).toMatchObject({ held: { frozenBy: 'freezer' }, stoodStillMs: 0 });
    reply.held?.release();
    await reply.complete(never);
    expect(acts.slice(6)).toEqual(['protection released', 'files released']);
    expect(await readDumpedFacts(rig.folder)).toMatchObject({ pause: 'freezer', stoodStillMs: 0 });
    expect(await readImagesManifest(rig.folder)).toMatchObject(race);
  });

  it('pauses by the runtime where the freezer file cannot be written', async () => {
    rig.container.node.cgroups.setFreezer = () => {
      throw new StillpointError({ code: 'not-writable', message: 'read-only' });
    };
    const reply = await dumped(rig.dump(race));
    expect(acts).toEqual([
      ...['protected freezer', 'protection released', 'protected task', 'pause'],
      ...['files prepared', 'checkpoint', 'files taken', 'resume'],
    ]);
    expect(reply.held?.frozenBy).toBe('task');
  });

  it('gives a freeze of more than 250 ms up, undoes it, and goes on in calm', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    rig.container.node.cgroups.setFreezer = (_, wanted) => {
      acts.push(wanted);
      // A process hangs in the kernel.
      rig.container.freezer = wanted === 'frozen' ? 'freezing' : 'thawed';
      begin();
    };
    const replied = rig.dump(race);
    await begun;
    await rig.clock.advance(249);
    expect(acts.at(-1)).toBe('frozen');
    await rig.clock.advance(10);
    await dumped(replied);
    expect(acts.slice(1)).toEqual(['frozen', 'thawed', 'protection released', 'checkpoint']);
  });

  it('is calm without a guard, and says so in the archive', async () => {
    rig.protect = () => {
      throw new StillpointError({ code: 'unreachable', message: 'the guard is silent' });
    };
    const reply = await dumped(rig.dump(race));
    expect(acts).toEqual(['checkpoint']);
    expect(reply.unlikePlan).toBe(true);
    await reply.complete(never);
    expect(await readImagesManifest(rig.folder)).toMatchObject({
      sequence: 'calm',
      sequenceReason: 'no-guard: the guard is silent; the test',
      consistency: 'running',
    });
    expect(await readDumpedFacts(rig.folder)).toMatchObject({ pause: 'none' });
  });

  it('gives a pause of more than 250 ms up, undoes it, and goes on in calm', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    rig.container.onPause = (signal) =>
      new Promise((_, reject) => {
        begin();
        signal.addEventListener('abort', () => {
          Object.assign(rig.container, { task: 'paused', freezer: 'frozen' });
          reject(new StillpointError({ code: 'cancelled', message: 'given up' }));
        });
      });
    const replied = rig.dump({ ...race, cgroup: undefined });
    await begun;
    await rig.clock.advance(249);
    expect(acts.at(-1)).toBe('pause');
    await rig.clock.advance(1);
    await dumped(replied);
    expect(acts.slice(1)).toEqual(['pause', 'resume', 'protection released', 'checkpoint']);
  });

  it('ends when a pause that failed cannot be undone, and keeps its protection', async () => {
    rig.container.onPause = async () => {
      Object.assign(rig.container, { task: 'paused', freezer: 'frozen' });
      throw new StillpointError({ code: 'runtime-failed', message: 'a part is frozen' });
    };
    rig.container.onResume = () => {
      throw new StillpointError({ code: 'runtime-failed', message: 'no' });
    };
    const replied = rig.dump({ ...race, cgroup: undefined });
    await rig.heard('thaw-act-failed');
    await rig.clock.advance(10_000);
    expect(await failed(replied)).toMatchObject({
      failure: 'freeze-failed',
      message: 'a part is frozen',
      held: { frozenBy: 'task' },
    });
    expect(acts).not.toContain('protection released');
    expect(acts).not.toContain('checkpoint');
  });

  it('says that the guard may have thawed it, and calls nothing frozen then', async () => {
    rig.lapsed = true;
    await (await dumped(rig.dump(race))).complete(never);
    expect(await readDumpedFacts(rig.folder)).toMatchObject({ guardLapsed: true });
    expect(await readImagesManifest(rig.folder)).toMatchObject({
      sequenceReason: 'the test; files after the thaw: the guard process may have resumed it',
      consistency: 'running',
    });
  });
});

describe('the files in a race', () => {
  it('are taken after the thaw where the stop has lasted long enough', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    rig.container.onCheckpoint = async () => {
      rig.writeImages();
      rig.container.traced = true;
      begin();
      await rig.clock.sleep(900);
    };
    const replied = rig.dump({ ...race, freezeMsMax: 800 });
    await begun;
    await rig.clock.advance(900);
    const reply = await dumped(replied);
    expect(reply).toMatchObject({ stoodStillMs: 900, unlikePlan: true });
    expect(acts).not.toContain('files taken');
    await reply.complete(never);
    expect(acts).toContain('files taken');
    expect(await readImagesManifest(rig.folder)).toMatchObject({
      sequence: 'race',
      sequenceReason: 'the test; files after the thaw: the stop had lasted long enough',
      consistency: 'running',
    });
  });

  it('are given up when they take longer than the rule allows, and taken anew after', async () => {
    const taking = rig.container.runtime.containerd.prepareRootfsDiff;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    let times = 0;
    rig.container.runtime.containerd.prepareRootfsDiff = async (snapshot) => {
      const diff = await taking(snapshot);
      if (times++ > 0) return diff;
      const take = (signal: AbortSignal) => {
        begin();
        return rig.clock.sleep(5_000, signal).then(
          () => ({ digest: '', bytes: 1 }),
          () => Promise.reject(new StillpointError({ code: 'cancelled', message: 'cut' })),
        );
      };
      return { ...diff, take };
    };
    const replied = rig.dump({ ...race, freezeMsMax: 800 });
    await begun;
    await rig.clock.advance(800);
    const reply = await dumped(replied);
    expect(reply.stoodStillMs).toBe(800);
    await reply.complete(never);
    expect(acts.filter((act) => act === 'files released')).toHaveLength(2);
    expect(await readDumpedFacts(rig.folder)).toMatchObject({ files: { kind: 'taken' } });
  });
});

describe('a dump that fails', () => {
  const tcp =
    '(00.1) Error (x): inet: Connected TCP socket, consider using --tcp-established option.\n' +
    '(00.2) Error (x): Dumping FAILED.';
  const refusal = () =>
    new StillpointError({
      code: 'runtime-failed',
      message: 'x',
      details: { grpcText: 'runc did not terminate successfully: exit status 1: criu failed' },
    });

  it('in a race is thawed at once, is named by the log of CRIU, and leaves nothing', async () => {
    rig.container.onCheckpoint = async () => {
      rig.writeImages(tcp);
      throw refusal();
    };
    const reply = await failed(rig.dump(race));
    expect(acts.at(-1)).toBe('freezer thawed');
    expect(reply).toMatchObject({
      failure: 'established-tcp',
      mayFinishLater: false,
      held: { frozenBy: 'freezer' },
    });
    await reply.discard?.();
    expect(acts).toContain('files released');
    expect(existsSync(rig.folder)).toBe(false);
  });

  it('that was given up keeps its images until CRIU has said its last word', async () => {
    const stop = new AbortController();
    rig.container.onCheckpoint = async () => {
      rig.writeImages('(00.1) working');
      stop.abort();
      throw new StillpointError({ code: 'cancelled', message: 'given up' });
    };
    const reply = await failed(rig.dump({}, stop.signal));
    expect(reply).toMatchObject({ failure: 'cancelled', mayFinishLater: true });
    await reply.discard?.();
    expect(existsSync(join(rig.folder, 'checkpoint', 'pages-1.img'))).toBe(true);
    rig.writeImages();
    const removed = rig.heard('leftover-images-removed');
    await rig.clock.advance(2_000);
    await removed;
    expect(existsSync(rig.folder)).toBe(false);
  });

  it('before it began asks nobody', async () => {
    const stop = new AbortController();
    stop.abort();
    expect(await failed(rig.dump({}, stop.signal))).toMatchObject({
      failure: 'cancelled',
      mayFinishLater: false,
    });
    expect(acts).toEqual([]);
  });
});
