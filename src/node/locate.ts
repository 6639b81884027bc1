import { basename, dirname, join } from 'node:path';
import {
  cleanPath,
  containerPart,
  expandCgroupsPath,
  isPodDirectory,
  parseProcCgroup,
} from './cgroup-paths.ts';
import type { CgroupHints, ContainerCgroup } from './cgroup-types.ts';
import { hasMemoryFiles, readLimitBytes } from './memory-files.ts';
import { isDirectory, readSmallFile } from './small-file.ts';

/** Where this machine's hierarchies are mounted; on v2 both are the same directory. */
export interface CgroupTree {
  version: 1 | 2;
  memoryRoot: string;
  freezerRoot: string;
  procRoot: string;
  /** Tried in order before a spec's path: '' and what a nested node has above it. */
  prefixes: readonly string[];
}

/** crun puts the processes into this child of the scope; the limits stay on the scope. */
const CRUN_CHILD = 'container';

/** A path in each hierarchy. */
interface Place {
  memory: string;
  freezer: string;
}

/** Finds the container's directories; undefined when none of the places exists. */
export function locateContainer(tree: CgroupTree, hints: CgroupHints): ContainerCgroup | undefined {
  const specPath =
    hints.cgroupsPath === undefined ? undefined : expandCgroupsPath(hints.cgroupsPath);
  for (const place of places(tree, hints.pid, specPath)) {
    const memory = join(tree.memoryRoot, place.memory);
    const freezer = join(tree.freezerRoot, place.freezer);
    if (!isDirectory(memory) || !isDirectory(freezer)) continue;
    return {
      version: tree.version,
      memoryLevels: memoryLevels(tree, memory),
      freezerDirectory: withChild(freezer),
    };
  }
  return undefined;
}

/** Where to look, best first: what the kernel says of the pid, then what the spec says. */
function* places(
  tree: CgroupTree,
  pid: number | undefined,
  specPath: string | undefined,
): Generator<Place> {
  const expected = specPath === undefined ? undefined : basename(specPath);
  const seen = pid === undefined ? undefined : placeOfProcess(tree, pid, expected);
  if (seen) yield seen;
  if (specPath === undefined) return;
  for (const prefix of tree.prefixes) {
    const path = cleanPath(`${prefix}${specPath}`);
    if (path !== undefined) yield { memory: path, freezer: path };
  }
}

/**
 * Undefined too when the path leads out of our own cgroup namespace (`/../..`) or belongs to
 * another container: without the host's pid namespace the pid is somebody else's.
 */
function placeOfProcess(
  tree: CgroupTree,
  pid: number,
  expected: string | undefined,
): Place | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const text = readSmallFile(join(tree.procRoot, String(pid), 'cgroup'));
  if (text === undefined) return undefined;
  const lines = parseProcCgroup(text);
  const memoryLine = tree.version === 2 ? lines.unified : lines.memory;
  const freezerLine = tree.version === 2 ? lines.unified : lines.freezer;
  if (memoryLine === undefined || freezerLine === undefined) return undefined;
  const memory = containerPart(memoryLine, expected);
  const freezer = containerPart(freezerLine, expected);
  return memory === undefined || freezer === undefined ? undefined : { memory, freezer };
}

function withChild(directory: string): string {
  const child = join(directory, CRUN_CHILD);
  return isDirectory(child) ? child : directory;
}

/**
 * The container and its pod always, since a resize may give them a limit later; what lies above
 * only when it has one now. The root has no limit and is left out.
 */
function memoryLevels(tree: CgroupTree, directory: string): ContainerCgroup['memoryLevels'] {
  const levels: { level: 'container' | 'pod' | 'ancestor'; directory: string }[] = [
    { level: 'container', directory },
  ];
  const child = withChild(directory);
  if (child !== directory) levels.push({ level: 'container', directory: child });
  const end = join(tree.memoryRoot);
  for (let above = dirname(directory); above !== end && above.length > end.length; ) {
    const isPod = above === dirname(directory) && isPodDirectory(basename(above));
    if (isPod && hasMemoryFiles(tree.version, above))
      levels.push({ level: 'pod', directory: above });
    else if (hasLimit(tree.version, above)) levels.push({ level: 'ancestor', directory: above });
    above = dirname(above);
  }
  return levels;
}

function hasLimit(version: 1 | 2, directory: string): boolean {
  return typeof readLimitBytes(version, directory) === 'number';
}
