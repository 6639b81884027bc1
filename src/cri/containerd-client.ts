/**
 * What containerd's own services do for us on the runtime's socket, beside CRI. Errors as in
 * RuntimeClient. No call ever has a gRPC deadline: aborting `signal` cancels it, which lets
 * containerd clean up.
 */
export interface ContainerdClient {
  /** Freezes all processes; undone by resumeTask. One that was cancelled may still take effect. */
  pauseTask(containerId: string, signal: AbortSignal): Promise<void>;
  /**
   * Has CRIU dump the container into a folder and leave it as it found it. A cancel does not end
   * CRIU: it goes on, and may write for as long as it would have.
   */
  checkpointTask(checkpoint: TaskCheckpoint, signal: AbortSignal): Promise<void>;
  /**
   * Prepares to take the changes of a container's root file system: whatever costs a write to
   * containerd's database is done here. Release it in any case.
   */
  prepareRootfsDiff(snapshot: Snapshot): Promise<RootfsDiff>;
  /**
   * Removes what agents that were killed prepared and never released, before that moment (wall
   * clock, ms); the runtime would keep it for an hour. Returns how many there were.
   */
  removeRootfsDiffsBefore(wallMs: number): Promise<number>;
}

export interface TaskCheckpoint {
  containerId: string;
  /** Absolute, exists; the runtime writes there as root. */
  imagePath: string;
  /** Absolute, exists: dump.log and stats-dump. */
  workPath: string;
  tcpEstablished: boolean;
  fileLocks: boolean;
  externalUnixSockets: boolean;
}

/** The file system of one container. */
export interface Snapshot {
  snapshotter: string;
  snapshotKey: string;
}

/** Changes of a root file system, as an uncompressed OCI layer in containerd's content store. */
export interface RootfsDiff {
  /** Packs them, as they are now. Call once. */
  take(signal: AbortSignal): Promise<TakenLayer>;
  /** The layer, once it is taken. */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /**
   * Removes all that was made for it. What could not be removed containerd removes by itself once
   * the lease has expired. Errors are the caller's to tell.
   */
  release(): Promise<void>;
}

/** A layer in containerd's content store. */
export interface TakenLayer {
  /** `sha256:<64 hex digits>`. */
  digest: string;
  bytes: number;
}
