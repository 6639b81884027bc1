import { parseExactJson, StillpointError } from '../base/index.ts';
import type {
  ContainerEvidence,
  ContainerSetup,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeSettings,
  RuntimeVersion,
  TaskState,
} from './runtime-client.ts';
import { statusJson } from './status-json.ts';
import type {
  WireContainer,
  WireContainerState,
  WireRuntimeStatusResponse,
  WireStatusResponse,
  WireTaskResponse,
  WireVersionResponse,
} from './wire.ts';

const NANOSECONDS_IN_MS = 1e6;

/** Turns the runtime's messages into ours. Pure; what is missing becomes empty, never invented. */
export function containerFromWire(wire: WireContainer): RuntimeContainer {
  return {
    id: wire.id,
    name: wire.metadata?.name ?? '',
    attempt: wire.metadata?.attempt ?? 0,
    namespace: wire.labels['io.kubernetes.pod.namespace'] ?? '',
    pod: wire.labels['io.kubernetes.pod.name'] ?? '',
    podUid: wire.labels['io.kubernetes.pod.uid'] ?? '',
    createdAtMs: wire.created_at / NANOSECONDS_IN_MS,
  };
}

/** Throws `not-found` when the answer holds no status. `exact` is the same answer without loss. */
export function statusFromWire(
  wire: WireStatusResponse,
  id: string,
  exact: () => Record<string, unknown>,
): RuntimeContainerStatus {
  const status = wire.status;
  if (!status) {
    throw new StillpointError({
      code: 'not-found',
      message: `the runtime answered without a status for container ${id}`,
    });
  }
  const limitBytes = status.resources?.linux?.memory_limit_in_bytes ?? 0;
  return {
    ...containerFromWire(status),
    state: stateFromWire(status.state),
    startedAtMs: status.started_at / NANOSECONDS_IN_MS,
    image: status.image?.image ?? '',
    imageRef: status.image_ref,
    memoryLimitBytes: limitBytes > 0 ? limitBytes : undefined,
    logPath: status.log_path,
    ...verboseFromWire(wire.info.info),
    evidence: () => evidenceFromWire(wire.info.info, exact()),
  };
}

function stateFromWire(state: WireContainerState): RuntimeContainerStatus['state'] {
  if (state === 'CONTAINER_RUNNING') return 'running';
  if (state === 'CONTAINER_CREATED') return 'created';
  if (state === 'CONTAINER_EXITED') return 'exited';
  return 'unknown';
}

type Verbose = Pick<RuntimeContainerStatus, 'pid' | 'cgroupsPath' | 'setup'>;

/**
 * Process id, cgroup path and setup out of the verbose info, a JSON text whose shape each runtime
 * chooses; containerd and CRI-O both have `pid` and `runtimeSpec.linux.cgroupsPath`.
 */
function verboseFromWire(text: string | undefined): Verbose {
  const info = parseObject(text);
  const pid = info?.pid;
  const linux = asObject(asObject(info?.runtimeSpec)?.linux);
  const cgroupsPath = linux?.cgroupsPath;
  return {
    pid: typeof pid === 'number' && Number.isInteger(pid) && pid > 0 ? pid : undefined,
    cgroupsPath: typeof cgroupsPath === 'string' && cgroupsPath !== '' ? cgroupsPath : undefined,
    setup: info && setupFromInfo(info, linux),
  };
}

/** Only containerd tells a runtimeType. */
function setupFromInfo(
  info: Record<string, unknown>,
  linux: Record<string, unknown> | undefined,
): ContainerSetup | undefined {
  const { runtimeType, snapshotter, snapshotKey } = info;
  if (typeof runtimeType !== 'string' || runtimeType === '') return undefined;
  const uidMappings = linux?.uidMappings;
  return {
    runtimeType,
    runtimeOptions: asObject(info.runtimeOptions) ?? {},
    snapshotter: typeof snapshotter === 'string' ? snapshotter : '',
    snapshotKey: typeof snapshotKey === 'string' ? snapshotKey : '',
    hasUserNamespace: Array.isArray(uidMappings) && uidMappings.length > 0,
  };
}

/** Throws `runtime-failed` when the answer lacks a part. */
function evidenceFromWire(
  text: string | undefined,
  exact: Record<string, unknown>,
): ContainerEvidence {
  const spec = asObject(
    asObject(text === undefined ? undefined : parseExactJson(text))?.runtimeSpec,
  );
  const status = asObject(exact.status);
  if (spec && status) return { spec, status: statusJson(status) };
  throw new StillpointError({
    code: 'runtime-failed',
    message: 'the runtime tells no runtimeSpec of the container',
  });
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    return asObject(JSON.parse(text));
  } catch {
    // A runtime that puts no JSON there tells neither pid nor path: both stay absent.
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The two conditions that Kubernetes asks for; others are news of deprecations. */
const NEEDED = ['RuntimeReady', 'NetworkReady'];

/** `config` of the verbose answer is a JSON text; containerd puts `containerdRootDir` there. */
export function settingsFromWire(wire: WireRuntimeStatusResponse): RuntimeSettings {
  const rootDir = parseObject(wire.info.config)?.containerdRootDir;
  const unmet = (wire.status?.conditions ?? [])
    .filter(({ type, status }) => NEEDED.includes(type) && !status)
    .map(({ type, reason, message }) => `${type}: ${reason} ${message}`.trim());
  return { rootDir: typeof rootDir === 'string' ? rootDir : undefined, unmet };
}

export function versionFromWire(wire: WireVersionResponse): RuntimeVersion {
  return { name: wire.runtime_name, version: wire.runtime_version };
}

const taskStates: Record<string, TaskState> = {
  CREATED: 'created',
  RUNNING: 'running',
  STOPPED: 'stopped',
  PAUSED: 'paused',
  PAUSING: 'pausing',
};

export function taskStateFromWire(wire: WireTaskResponse): TaskState {
  return taskStates[wire.process?.status ?? ''] ?? 'unknown';
}
