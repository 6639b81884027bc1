import { beforeEach, describe, expect, it } from '@jest/globals';
import { createRootfsLayer, type RootfsLayer } from '../../src/capture/rootfs-layer.ts';
import type { RootfsDiff } from '../../src/cri/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  createFakeContainerState,
  type FakeContainerState,
} from '../support/fake-container-state.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const never = new AbortController().signal;

let clock: FakeClock;
let container: FakeContainerState;
let lines: LogLine[];
let layer: RootfsLayer;

beforeEach(() => {
  clock = createFakeClock();
  container = createFakeContainerState();
  const recording = createRecordingLog();
  lines = recording.lines;
  const { containerd } = container.runtime;
  const snapshot = { snapshotter: 'overlayfs', snapshotKey: 'a' };
  layer = createRootfsLayer({ containerd, clock, log: recording.log }, snapshot);
});

/** A runtime whose database is long about it; returns what lets it go on. */
function holdPreparation(): () => void {
  const { containerd } = container.runtime;
  const prepare = containerd.prepareRootfsDiff;
  const { promise, resolve } = Promise.withResolvers<void>();
  containerd.prepareRootfsDiff = async (snapshot): Promise<RootfsDiff> => {
    await promise;
    return prepare(snapshot);
  };
  return resolve;
}

describe('files of a container that stands still', () => {
  it('are not waited for when the runtime does not even prepare to take them', async () => {
    const goOn = holdPreparation();
    layer.prepare();
    const taken = layer.take(300, never);
    await clock.advance(300);
    expect(await taken).toBe('the runtime had not prepared it in time');
    expect(lines).toEqual([]);
    goOn();
    expect(await layer.complete(tempDir(), never)).toEqual({ kind: 'taken', bytes: 2_048 });
    await layer.release();
    expect(container.acts).toEqual(['files prepared', 'files taken', 'files released']);
  });

  it('are released though they were never taken', async () => {
    const goOn = holdPreparation();
    layer.prepare();
    const given = new AbortController();
    given.abort();
    expect(await layer.take(300, given.signal)).toBeDefined();
    const released = layer.release();
    goOn();
    await released;
    expect(container.acts).toEqual(['files prepared', 'files released']);
  });
});
