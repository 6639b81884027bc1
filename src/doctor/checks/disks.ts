import { statfs } from 'node:fs/promises';
import { formatBytes, formatPercent } from '../../base/index.ts';
import { type DiskSpace, evictionFloorBytes, readDiskSpace } from '../../node/index.ts';
import { type Answer, answerOf, defineCheck, type Trouble } from '../check.ts';
import { type Finding, fail, ok, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

/** A directory that a checkpoint writes to, or keeps its copies in. */
export interface Place {
  key: 'checkpointsDir' | 'runtime.root' | 'runtime.tmp';
  path: string;
  space: Answer<DiskSpace>;
  /** It lies in memory (tmpfs). */
  inMemory: boolean;
}

export interface DiskFacts {
  places: readonly Place[];
  /** What the kubelet says; undefined = it does not tell, so its defaults. */
  evictionHard: Answer<Readonly<Record<string, string>> | undefined>;
}

const TMPFS_MAGIC = 0x01021994;
/** What the guard leaves above the threshold of the kubelet, as a share of the disk. */
const MARGIN_SHARE = 0.05;

/** Whether there is room to write archives without driving the kubelet to evict. */
export const diskCheck = defineCheck('disks', askDisks, judgeDisks);

async function askDisks(outside: Outside): Promise<DiskFacts> {
  const { checkpointsDir, runtime } = outside.config;
  const config = await answerOf(outside.kubeletConfig());
  const places = await Promise.all([
    lookAt('checkpointsDir', checkpointsDir),
    lookAt('runtime.root', runtime.root),
    lookAt('runtime.tmp', runtime.tmp),
  ]);
  const evictionHard = config.ok ? config.value.evictionHard : undefined;
  return { places, evictionHard: { ok: true, value: evictionHard } };
}

async function lookAt(key: Place['key'], path: string): Promise<Place> {
  const space = await answerOf((async () => readDiskSpace(path))());
  const inMemory = space.ok && (await statfs(path)).type === TMPFS_MAGIC;
  return { key, path, space, inMemory };
}

export function judgeDisks({ places, evictionHard }: DiskFacts): Finding[] {
  const thresholds = evictionHard.ok ? evictionHard.value : undefined;
  const findings = places.flatMap((place) => {
    if (!place.space.ok) return [judgeUnseen(place, place.space.error)];
    return judgeSpace(place, place.space.value, thresholds) ?? [];
  });
  if (findings.length > 0) return findings;
  const shown = places.flatMap(({ key, space }) =>
    space.ok ? [`${key} ${formatBytes(space.value.availableBytes)}`] : [],
  );
  return [ok(`free: ${shown.join(', ')}`)];
}

function judgeUnseen({ key, path }: Place, { message }: Trouble): Finding {
  if (key === 'checkpointsDir') {
    return fail('not-seen', message, 'See the check checkpoints-directory.');
  }
  const next = `Set ${key} to the runtime's own directory; in a pod, mount it at the same path.`;
  return warn('not-seen', `${key} ${path} cannot be looked at: ${message}`, next);
}

function judgeSpace(
  { key, path, inMemory }: Place,
  disk: DiskSpace,
  evictionHard: Readonly<Record<string, string>> | undefined,
): Finding | undefined {
  const { availableBytes, totalBytes } = disk;
  const floorBytes = evictionFloorBytes(evictionHard, disk);
  const marginBytes = totalBytes * MARGIN_SHARE;
  const share = totalBytes > 0 ? formatPercent(availableBytes / totalBytes) : '0%';
  const free = `${key} ${path}: ${formatBytes(availableBytes)} (${share}) is free`;
  const next = 'Free space, prune archives (`stillpoint archives prune`), or move the directory.';
  if (availableBytes <= floorBytes + marginBytes) {
    const keep = formatBytes(floorBytes + marginBytes);
    const what = `${free}, ${keep} must stay: the kubelet's threshold and 5 % above it`;
    return fail('disk-low', `${what}; every capture is refused`, next);
  }
  if (!inMemory) return undefined;
  const what = `${free}, in memory (tmpfs): what a checkpoint writes there counts as memory`;
  return warn('in-memory', what, `Give the runtime a TMPDIR on a disk, and set ${key} to it.`);
}
