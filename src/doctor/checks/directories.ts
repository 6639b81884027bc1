import { dirname, join } from 'node:path';
import { defineCheck } from '../check.ts';
import { type Finding, fail, ok, warn } from '../line.ts';
import { type Whereabouts, whereIs } from '../mounts.ts';
import type { Outside } from '../outside.ts';
import { findKubeletRoot, readMountinfo } from '../processes.ts';
import { type DirectoryFacts, lookAtDirectory } from './directory-facts.ts';

export interface CheckpointsDirectoryFacts {
  directory: DirectoryFacts;
  /** `checkpoints` below the kubelet's root; undefined when the kubelet cannot be seen. */
  kubeletWritesTo?: string;
  /** Where that path lies for us and for the node; undefined when it cannot be seen. */
  ours?: Whereabouts;
  nodes?: Whereabouts;
}

/** Whether the checkpoints directory is the node's own, safe, and can be written. */
export const checkpointsDirectoryCheck = defineCheck(
  'checkpoints-directory',
  askCheckpointsDirectory,
  judgeCheckpointsDirectory,
);

async function askCheckpointsDirectory(outside: Outside): Promise<CheckpointsDirectoryFacts> {
  const { config, random, parentPid } = outside;
  const { procRoot, checkpointsDir } = config;
  const root = findKubeletRoot(procRoot, config.node);
  const seenBy = (pid: number | 'self') =>
    whereIs(readMountinfo(procRoot, pid) ?? '', checkpointsDir);
  return {
    directory: await lookAtDirectory(checkpointsDir, random),
    kubeletWritesTo: root === undefined ? undefined : join(root, 'checkpoints'),
    ours: seenBy('self'),
    // In a container whoever started us is a process of the runtime: it sees what the node sees.
    nodes: seenBy(parentPid),
  };
}

/** Whether the journal can be written: without it no trigger is accepted. */
export const stateDirectoryCheck = defineCheck(
  'state-directory',
  ({ config, random }: Outside) => lookAtDirectory(config.stateDir, random),
  (directory) => {
    // The agent makes it when it is not there.
    if (directory.kind === 'missing') return [ok(`${directory.path} is made by the agent`)];
    const next = 'Let root write there, or set stateDir to a directory that outlives the pod.';
    return [judgeWritable('stateDir', directory, next) ?? ok(`${directory.path} can be written`)];
  },
);

export function judgeCheckpointsDirectory(facts: CheckpointsDirectoryFacts): Finding[] {
  const { directory, kubeletWritesTo, ours, nodes } = facts;
  const { path } = directory;
  if (kubeletWritesTo !== undefined && kubeletWritesTo !== path) {
    const what = `the kubelet writes to ${kubeletWritesTo}, checkpointsDir is ${path}`;
    const next = `Set rootDir to ${dirname(kubeletWritesTo)}; in a pod, mount it at the same path.`;
    return [fail('other-directory', what, next)];
  }
  if (directory.kind === 'missing') {
    const what = `there is no ${path}: the kubelet makes it when it starts with its gate on`;
    const next = directory.parentExists
      ? `Make it: mkdir -m 0700 ${path}.`
      : 'Set rootDir to the --root-dir of the kubelet; in a pod, mount `checkpoints` below it.';
    return [fail('missing', what, next)];
  }
  const writing = 'Mount it writable, and let root write there.';
  const bad = judgeWritable('checkpointsDir', directory, writing);
  if (bad) return [bad];
  if (directory.kind !== 'directory') return [];
  if (ours && nodes && isPodsOwn(ours, nodes)) {
    const what = `${path} is the pod's own, not the node's: nothing of the kubelet is seen there`;
    return [fail('other-mount', what, 'Mount it into the pod as a hostPath, at the same path.')];
  }
  // Only of one and the same disk: through links the node's path may lead elsewhere.
  if (nodes?.readOnly && nodes.device === ours?.device) {
    const what = `${path} is read-only for the kubelet and the runtime, though not for us`;
    return [fail('read-only', what, 'Remount it writable on the node.')];
  }
  const { mode, ownerUid } = directory;
  const shown = `mode ${mode.toString(8).padStart(4, '0')}, owner ${ownerUid}`;
  if ((mode & 0o077) !== 0 || ownerUid !== 0) {
    const what = `${path} (${shown}) is open to others than root: archives hold memory, secrets too`;
    return [warn('too-open', what, `Close it: chown 0:0 ${path}; chmod 0700 ${path}.`)];
  }
  return [ok(`${path} can be written, ${shown}`)];
}

/** On the container's own root, or on a volume that the kubelet made for the pod. */
function isPodsOwn(ours: Whereabouts, nodes: Whereabouts): boolean {
  const isOnRoot = ours.point === '/' && ours.device !== nodes.device;
  return isOnRoot || ours.inside.includes('/volumes/kubernetes.io~');
}

function judgeWritable(key: string, directory: DirectoryFacts, next: string): Finding | undefined {
  const { path } = directory;
  switch (directory.kind) {
    case 'missing':
      return fail('missing', `there is no ${path}`, next);
    case 'no-directory': {
      const what = `${path} is a ${directory.is}, which is not followed`;
      return fail('no-directory', what, `Set ${key} to the directory itself.`);
    }
    case 'unseen':
      return fail('not-seen', directory.message, next);
    case 'directory':
      break;
  }
  const { trial } = directory;
  if (trial.ok) return undefined;
  switch (trial.code) {
    case 'EROFS': {
      const what = `${path} lies on a read-only file system`;
      return fail(
        'read-only',
        what,
        `${next} A disk with errors is remounted read-only: see dmesg.`,
      );
    }
    case 'ENOSPC':
    case 'EDQUOT': {
      const what = `${path} lies on a disk that is full`;
      return fail('disk-full', what, 'Free space, or prune archives.');
    }
    default:
      return fail('not-writable', `${path} cannot be written: ${trial.message}`, next);
  }
}
