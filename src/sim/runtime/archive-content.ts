import { readFileSync } from 'node:fs';
import type { ArchiveContent } from '../archive/index.ts';
import { PAGE_BYTES } from '../archive/index.ts';
import { environmentOf, ociSpec, type PodLogs, type Running } from '../model/index.ts';
import { criStatus, incarnationsOf } from './cri-messages.ts';

export interface ContentOptions {
  cgroupsPath: string;
  logs: PodLogs;
  nowMs: number;
  bytes: number;
  criuFrozenMs: number;
  pagesScale: number;
}

/** What an archive of this container says at this moment; taken while it stands still. */
export function archiveContent(running: Running, options: ContentOptions): ArchiveContent {
  const { pod, container, life } = running;
  const { spec } = container;
  const [one] = incarnationsOf(pod, container);
  const described = `${pod.namespace}/${pod.name}/${spec.name}`;
  const executable = spec.command[0] ?? '/bin/app';
  return {
    process: {
      comm: executable.slice(executable.lastIndexOf('/') + 1).slice(0, 15),
      argv: spec.command,
      env: environmentOf(pod, container),
      executable,
      hostname: pod.name,
      cgroupPath: options.cgroupsPath,
      heapPages: Math.max(1, Math.ceil(options.bytes / options.pagesScale / PAGE_BYTES)),
      upMs: life.ranMs,
    },
    heapText: `simulated memory of ${described} in life ${life.attempt}\n`,
    configDump: {
      id: life.containerId,
      name: [spec.name, pod.name, pod.namespace, pod.runtimeUid, life.attempt].join('_'),
      rootfsImage: spec.image,
      rootfsImageRef: one && criStatus(one, options.logs).image_ref,
      rootfsImageName: spec.image,
      runtime: pod.runtimeType,
      createdTime: new Date(life.createdMs).toISOString(),
      checkpointedTime: new Date(options.nowMs).toISOString(),
      restoredTime: '0001-01-01T00:00:00Z',
      restored: false,
    },
    specDump: ociSpec(pod, container, options.cgroupsPath),
    statusDump: one && criStatus(one, options.logs),
    status: {
      Version: 'v1',
      Pid: life.pid,
      CreatedAt: life.createdMs * 1_000_000,
      StartedAt: life.startedMs * 1_000_000,
      FinishedAt: 0,
      ExitCode: 0,
      Reason: '',
      Message: '',
    },
    containerLog: readFileSync(options.logs.path(pod, container, life.attempt)),
    rootFiles: changedFiles(running),
    criuFrozenMs: options.criuFrozenMs,
    nowMs: options.nowMs,
  };
}

/** What the container changed in its root file system, by path. */
export function changedFiles({
  pod,
  container,
}: Pick<Running, 'pod' | 'container'>): Record<string, string> {
  const described = `${pod.namespace}/${pod.name}/${container.spec.name}`;
  return { 'tmp/state': `written by ${described} (simulated)\n` };
}
