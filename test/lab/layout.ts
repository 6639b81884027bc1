import { readlinkSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Where everything of the lab lies, worked out from two environment variables:
 * STILLPOINT_LAB_HOME (tools, images, run files; shared by all labs) and STILLPOINT_LAB_NAME (two
 * labs with different names run side by side without meeting).
 */
export const home = process.env.STILLPOINT_LAB_HOME ?? '/opt/stillpoint-lab';
export const labName = process.env.STILLPOINT_LAB_NAME ?? 'stillpoint-lab';

export const binDir = path.join(home, 'bin');
/** A CRIU that cannot dump on this kernel. In no folder that is on a path. */
export const oldCriu = path.join(home, 'criu-old/criu');
/** The first CRIU that can dump TCP sockets on a kernel from 6.16 on. In no folder on a path. */
export const newCriu = path.join(home, 'criu-new/criu');
export const imagesDir = path.join(home, 'img');
export const modulesDir = path.join(home, 'mod');
export const stampsDir = path.join(home, 'stamps');
export const vmDir = path.join(home, 'vm');

/** All that one running lab writes, its sockets included. Removed by `down` but for the logs. */
export const runDir = path.join(home, labName === 'stillpoint-lab' ? 'run' : `run-${labName}`);
export const infoFile = path.join(runDir, 'lab.json');

export const netnsPath = `/run/netns/${labName}`;
export const repoDir = path.resolve(import.meta.dirname, '../..');

/** Lab programs and whatever they start carry this in their environment, so `down` finds them. */
export const markerVariable = 'STILLPOINT_LAB_RUN';

/** The addresses inside the lab's network namespace; nothing outside it can reach them. */
export const controlPlaneAddress = '10.77.0.100';
export const apiServerUrl = `https://${controlPlaneAddress}:6443`;
export const etcdUrl = `http://${controlPlaneAddress}:2379`;
export const natsUrl = `nats://${controlPlaneAddress}:4222`;
export const natsMonitorUrl = `http://${controlPlaneAddress}:8222`;

/** The ClusterIP of the API server, the first of the service range; pods reach it at port 443. */
export const apiServiceAddress = '10.96.0.1';

/** What a node of a lab with own paths has for itself; all else it shares with the machine. */
export const ownPaths = ['/run', '/tmp', '/usr/local/sbin', '/var/lib', '/var/log'] as const;

export function isOwnPath(file: string): boolean {
  return ownPaths.some((own) => file === own || file.startsWith(`${own}/`));
}

/** Environment for a program of the lab: its tools first on the path, and the marker. */
export function labEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${binDir}:${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
    [markerVariable]: runDir,
  };
}

/** Whether this very process is already inside the lab's network namespace. */
export function isInsideLab(): boolean {
  try {
    const inode = statSync(netnsPath).ino;
    return readlinkSync('/proc/self/ns/net') === `net:[${inode}]`;
  } catch {
    return false;
  }
}
