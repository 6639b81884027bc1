import type { ContainerdClient } from './containerd-client.ts';

/**
 * What Stillpoint asks of a container runtime. The implementation speaks gRPC on the runtime's
 * unix socket; tests and the sim offer the same over the same protocol.
 *
 * Errors of every call: `unreachable` (no answer; also code 1 that we did not cause: a server that
 * dies gives 14 or 1), `timeout` (our own deadline; the checkpoint has none), `cancelled` (our
 * signal), `not-found`, `unsupported`, `too-large` (answer over 16 MiB), `forbidden`,
 * `unauthorized`, `runtime-failed`. `details.grpcCode` and `details.grpcText` hold the evidence.
 */
export interface RuntimeClient {
  /** Name (`containerd`, `cri-o`) and version; the cheapest call, used as a health check. */
  version(): Promise<RuntimeVersion>;
  /** What it says of its own state and configuration; for people and checks, not for captures. */
  settings(): Promise<RuntimeSettings>;
  /** Running containers only. */
  listRunning(): Promise<readonly RuntimeContainer[]>;
  /** One container with pid and cgroup path; error `not-found` when the runtime has none. */
  status(containerId: string): Promise<RuntimeContainerStatus>;
  /**
   * Bytes of the container's writable layer, as old as the runtime's own cache (containerd: 10 s);
   * undefined when the runtime does not tell.
   */
  writableLayerBytes(containerId: string): Promise<number | undefined>;
  /** Checkpoints into `location`. Never has a deadline; aborting cancels the call. */
  checkpoint(
    request: { containerId: string; location: string; timeoutMs: number },
    signal: AbortSignal,
  ): Promise<void>;
  /** containerd's own view of the task; `unsupported` on a runtime that is not containerd. */
  taskState(containerId: string): Promise<TaskState>;
  /** Resumes a paused task (containerd only). */
  resumeTask(containerId: string): Promise<void>;
  /** What only containerd has; every call of it is `unsupported` elsewhere. */
  readonly containerd: ContainerdClient;
  close(): void;
}

export interface RuntimeVersion {
  name: 'containerd' | 'cri-o' | (string & {});
  version: string;
}

export interface RuntimeSettings {
  /** Where it stores content; undefined when it does not tell (CRI-O). */
  rootDir?: string;
  /** Conditions that are not met, with reason and message: `NetworkReady: …`. */
  unmet: readonly string[];
}

export interface RuntimeContainer {
  id: string;
  name: string;
  attempt: number;
  /** From the labels io.kubernetes.pod.*. */
  namespace: string;
  pod: string;
  podUid: string;
  createdAtMs: number;
}

export interface RuntimeContainerStatus extends RuntimeContainer {
  state: 'created' | 'running' | 'exited' | 'unknown';
  startedAtMs: number;
  image: string;
  imageRef: string;
  /** Process id on the host; absent when the runtime does not tell. */
  pid?: number;
  /** runtimeSpec.linux.cgroupsPath as given: an absolute path or `slice:prefix:id`. */
  cgroupsPath?: string;
  /** 0 or absent = no limit. */
  memoryLimitBytes?: number;
  logPath: string;
  /** How containerd runs and stores it; absent on another runtime. */
  setup?: ContainerSetup;
  /** All that was answered, for an archive; worked out when it is called. */
  evidence(): ContainerEvidence;
}

/** How containerd runs and stores a container. */
export interface ContainerSetup {
  /** `io.containerd.runc.v2`. */
  runtimeType: string;
  /** Of the runtime's handler; for runc `BinaryName` and `SystemdCgroup`. */
  runtimeOptions: Readonly<Record<string, unknown>>;
  snapshotter: string;
  snapshotKey: string;
  hasUserNamespace: boolean;
}

/** JSON objects in which numbers of any length are kept exactly (parseExactJson). */
export interface ContainerEvidence {
  /** The OCI spec. */
  spec: Record<string, unknown>;
  /** CRI's ContainerStatus in the form that Go's encoding/json gives it. */
  status: Record<string, unknown>;
}

export type TaskState = 'unknown' | 'created' | 'running' | 'stopped' | 'paused' | 'pausing';
