import { StillpointError } from '../../src/base/index.ts';
import type {
  ContainerdClient,
  RuntimeClient,
  TaskCheckpoint,
  TaskState,
} from '../../src/cri/index.ts';
import type { ContainerCgroup, FreezerState, NodeProbe } from '../../src/node/index.ts';

/** One container as task API, freezer and /proc show it; tests move it through its states. */
export interface FakeContainerState {
  task: TaskState | 'gone' | 'unsupported' | 'unreachable';
  freezer: FreezerState | 'gone';
  traced: boolean;
  imageBytes: number;
  /** What was asked for: `resume`, `freezer frozen`, `freezer thawed`. */
  readonly acts: string[];
  /** What Tasks.Resume does; by default it resumes a paused and frozen task, else it refuses. */
  onResume: () => void;
  /** Called before each look at the task. */
  onLook: () => void;
  /** What Tasks.Pause does; by default it pauses and freezes at once. */
  onPause: (signal: AbortSignal) => Promise<void>;
  /** What Tasks.Checkpoint does; nothing by default. */
  onCheckpoint: (checkpoint: TaskCheckpoint, signal: AbortSignal) => Promise<void>;
  /** What the diff service makes; an Error is thrown. */
  layer: Uint8Array | Error;
  readonly runtime: RuntimeClient;
  readonly node: NodeProbe;
  readonly cgroup: ContainerCgroup;
}

export function createFakeContainerState(): FakeContainerState {
  const cgroup: ContainerCgroup = {
    version: 1,
    memoryLevels: [{ level: 'container', directory: '/cgroup/memory/c' }],
    freezerDirectory: '/cgroup/freezer/c',
  };
  const fake: FakeContainerState = {
    task: 'running',
    freezer: 'thawed',
    traced: false,
    imageBytes: 10e6,
    acts: [],
    onLook: () => undefined,
    async onPause() {
      fake.task = 'paused';
      fake.freezer = 'frozen';
    },
    onCheckpoint: () => Promise.resolve(),
    layer: Buffer.alloc(2_048, 'layer'),
    onResume() {
      if (fake.task !== 'paused' || fake.freezer !== 'frozen') throw failure('runtime-failed');
      fake.task = 'running';
      fake.freezer = 'thawed';
    },
    cgroup,
    runtime: fakeRuntimeOf(() => fake),
    node: fakeNodeOf(() => fake),
  };
  return fake;
}

function failure(code: 'not-found' | 'unsupported' | 'unreachable' | 'runtime-failed') {
  return new StillpointError({ code, message: `fake: ${code}` });
}

function fakeRuntimeOf(of: () => FakeContainerState): RuntimeClient {
  return {
    version: () => Promise.resolve({ name: 'containerd', version: '2.4.2' }),
    settings: async () => ({ unmet: [] }),
    listRunning: () => Promise.resolve([]),
    async status(id) {
      const { task } = of();
      if (task === 'gone') throw failure('not-found');
      if (task === 'unreachable') throw failure('unreachable');
      return {
        id,
        name: 'app',
        attempt: 0,
        namespace: 'shop',
        pod: 'cart-a',
        podUid: 'uid-a',
        createdAtMs: 0,
        state: task === 'stopped' ? 'exited' : 'running',
        startedAtMs: 0,
        image: 'app:1',
        imageRef: 'sha256:00',
        pid: 4242,
        logPath: '/var/log/x',
        setup: {
          runtimeType: 'io.containerd.runc.v2',
          runtimeOptions: {},
          snapshotter: 'overlayfs',
          snapshotKey: id,
          hasUserNamespace: false,
        },
        evidence: () => ({ spec: {}, status: {} }),
      };
    },
    writableLayerBytes: () => Promise.resolve(0),
    checkpoint: () => Promise.reject(failure('unsupported')),
    async taskState() {
      of().onLook();
      const { task } = of();
      if (task === 'gone') throw failure('not-found');
      if (task === 'unsupported' || task === 'unreachable') throw failure(task);
      return task;
    },
    async resumeTask() {
      of().acts.push('resume');
      of().onResume();
    },
    containerd: fakeContainerdOf(of),
    close: () => undefined,
  };
}

function fakeContainerdOf(of: () => FakeContainerState): ContainerdClient {
  return {
    pauseTask(_, signal) {
      of().acts.push('pause');
      return of().onPause(signal);
    },
    checkpointTask(checkpoint, signal) {
      of().acts.push('checkpoint');
      return of().onCheckpoint(checkpoint, signal);
    },
    removeRootfsDiffsBefore: () => Promise.resolve(0),
    async prepareRootfsDiff() {
      of().acts.push('files prepared');
      let taken: Uint8Array = Buffer.alloc(0);
      return {
        async take(signal) {
          of().acts.push('files taken');
          const { layer } = of();
          if (layer instanceof Error) throw layer;
          if (signal.aborted) throw new StillpointError({ code: 'cancelled', message: 'fake' });
          taken = layer;
          return { digest: `sha256:${'a'.repeat(64)}`, bytes: layer.length };
        },
        async *read() {
          yield taken;
        },
        async release() {
          of().acts.push('files released');
        },
      };
    },
  };
}

function fakeNodeOf(of: () => FakeContainerState): NodeProbe {
  return {
    cgroups: {
      version: 1,
      locate: () => (of().freezer === 'gone' ? undefined : of().cgroup),
      freezerState() {
        const { freezer } = of();
        return freezer === 'gone' ? undefined : freezer;
      },
      setFreezer(_, wanted) {
        of().acts.push(`freezer ${wanted}`);
        of().freezer = wanted;
      },
      openNodeMemory: () => ({ read: () => 'gone', close: () => undefined }),
      pids: () => [4242],
    },
    tracerPid: () => (of().traced ? 77 : 0),
    imageBytes: () => of().imageBytes,
  };
}
