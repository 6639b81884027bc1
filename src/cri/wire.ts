/**
 * Messages as they come off the wire: proto names kept, enums as text, 64-bit numbers as
 * JavaScript numbers (nanoseconds since 1970 lose less than a microsecond), absent messages null.
 */
export interface WireMetadata {
  name: string;
  attempt: number;
}

export type WireContainerState =
  | 'CONTAINER_CREATED'
  | 'CONTAINER_RUNNING'
  | 'CONTAINER_EXITED'
  | 'CONTAINER_UNKNOWN'
  | (string & {});

export interface WireContainer {
  id: string;
  metadata: WireMetadata | null;
  state: WireContainerState;
  created_at: number;
  labels: Record<string, string>;
}

export interface WireContainerStatus extends WireContainer {
  started_at: number;
  image: { image: string } | null;
  image_ref: string;
  log_path: string;
  resources: { linux: { memory_limit_in_bytes: number } | null } | null;
}

export interface WireStatusResponse {
  status: WireContainerStatus | null;
  info: Record<string, string>;
}

export interface WireStatsResponse {
  stats: { writable_layer: { used_bytes: { value: number } | null } | null } | null;
}

export interface WireVersionResponse {
  runtime_name: string;
  runtime_version: string;
}

export interface WireRuntimeStatusResponse {
  status: {
    conditions: { type: string; status: boolean; reason: string; message: string }[];
  } | null;
  info: Record<string, string>;
}

export interface WireTaskResponse {
  process: { status: string } | null;
}

/** Passed on as it came. */
export interface WireMountsResponse {
  mounts: object[];
}

export interface WireSnapshotStatResponse {
  info: { parent: string } | null;
}

export interface WireDiffResponse {
  diff: { digest: string; size: number } | null;
}

export interface WireLeasesResponse {
  leases: { id: string; created_at: { seconds: number } | null }[];
}
