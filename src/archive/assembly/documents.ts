import type { DumpedFacts, ImagesManifest } from '../../capture/index.ts';
import { encodeGoJson } from './go-json.ts';
import { type Member, modes } from './member.ts';

/**
 * The JSON members of an archive, from what was noted before the freeze. `status` is containerd's
 * own note of the container's life (internal/cri/store/container/status.go): for a container that
 * runs it holds nothing but what ContainerStatus says and the pid, so that it can be told truly.
 */
export function documentMembers(
  manifest: ImagesManifest,
  dumped: DumpedFacts | undefined,
): Member[] {
  const modifiedS = Math.floor((dumped?.dumpedAtMs ?? manifest.createdAtMs) / 1_000);
  const member = (name: string, mode: number, value: unknown): Member => {
    return { kind: 'bytes', name, mode, modifiedS, data: encodeGoJson(value) };
  };
  return [
    member('config.dump', modes.own, manifest.config),
    member('spec.dump', modes.unpacked, manifest.spec),
    member('status', modes.own, lifeOf(manifest)),
    member('status.dump', modes.own, manifest.status),
  ];
}

/** In the order of the fields of containerd's type. */
function lifeOf({ pid, status }: ImagesManifest): object {
  return {
    Version: 'v1',
    Pid: pid,
    CreatedAt: status.created_at ?? 0,
    StartedAt: status.started_at ?? 0,
    FinishedAt: 0,
    ExitCode: 0,
    Reason: '',
    Message: '',
    Resources: status.resources ?? null,
  };
}
