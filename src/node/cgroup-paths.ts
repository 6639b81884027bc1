/** How a container's cgroup is named by the kernel and by the runtime's spec. Pure. */

const PATH_CHARS_MAX = 4096;

/** A container id as all runtimes make it, anywhere in a path component. */
const CONTAINER_ID = /(?:^|[^0-9a-f])[0-9a-f]{64}(?:[^0-9a-f]|$)/;

/** Where a process is, for each hierarchy that matters; paths begin with a slash. */
export interface ProcCgroup {
  /** The line `0::`; on v1 the empty unified hierarchy, of no use. */
  unified?: string;
  memory?: string;
  freezer?: string;
}

/** Reads /proc/PID/cgroup: lines `ID:controllers:path`. Lines that are none are passed over. */
export function parseProcCgroup(text: string): ProcCgroup {
  const found: ProcCgroup = {};
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    const path = match?.[3];
    if (!match || path === undefined) continue;
    const controllers = match[2]?.split(',') ?? [];
    if (match[1] === '0' && match[2] === '') found.unified = path;
    if (controllers.includes('memory')) found.memory = path;
    if (controllers.includes('freezer')) found.freezer = path;
  }
  return found;
}

/**
 * The path of runtimeSpec.linux.cgroupsPath below the root of the hierarchy. An absolute path is
 * taken as it is (driver cgroupfs). `slice:prefix:id` (driver systemd) is expanded as systemd
 * nests it: `kubepods-pod1.slice:cri-containerd:ab` lies in
 * `/kubepods.slice/kubepods-pod1.slice/cri-containerd-ab.scope`. Undefined for anything else.
 */
export function expandCgroupsPath(cgroupsPath: string): string | undefined {
  if (cgroupsPath.startsWith('/')) return cleanPath(cgroupsPath);
  const parts = cgroupsPath.split(':');
  const [slice, prefix, id] = parts;
  if (parts.length !== 3 || slice === undefined || prefix === undefined || !id) return undefined;
  const parent = expandSlice(slice === '' ? 'system.slice' : slice);
  if (parent === undefined) return undefined;
  const unit = id.endsWith('.slice') ? id : `${prefix === '' ? id : `${prefix}-${id}`}.scope`;
  return cleanPath(`${parent}/${unit}`);
}

/** `a-b.slice` → `/a.slice/a-b.slice`; `-.slice` is the root. */
function expandSlice(slice: string): string | undefined {
  if (slice === '-.slice') return '';
  if (!slice.endsWith('.slice') || slice.includes('/')) return undefined;
  const names = slice.slice(0, -'.slice'.length).split('-');
  if (names.includes('')) return undefined;
  return names.map((_, index) => `/${names.slice(0, index + 1).join('-')}.slice`).join('');
}

/** Refuses what could lead out of the tree, and the root itself, which is no container's. */
export function cleanPath(path: string): string | undefined {
  if (path.length > PATH_CHARS_MAX || path.includes('\0')) return undefined;
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.length === 0 || names.includes('..')) return undefined;
  return `/${names.join('/')}`;
}

/**
 * The part of a process's path that is the container's own: a container may make cgroups below
 * itself (systemd in it, crun's `container`). `expected` is the last name of the spec's path; a
 * path without it belongs to another container (a pid of another pid namespace) and is refused.
 * Without `expected` the first name that holds a container id ends the path, or the whole counts.
 */
export function containerPart(processPath: string, expected?: string): string | undefined {
  const names = cleanPath(processPath)?.split('/').slice(1);
  if (names === undefined) return undefined;
  const end =
    expected === undefined
      ? names.findIndex((name) => CONTAINER_ID.test(name))
      : names.indexOf(expected);
  if (end < 0) return expected === undefined ? `/${names.join('/')}` : undefined;
  return `/${names.slice(0, end + 1).join('/')}`;
}

/** True for a pod's directory: `pod<uid>` or `kubepods-burstable-pod<uid>.slice`. */
export function isPodDirectory(name: string): boolean {
  return /(?:^|-)pod[0-9a-zA-Z_-]+(?:\.slice)?$/.test(name);
}
