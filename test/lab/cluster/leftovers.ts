import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { netnsPath, runDir } from '../layout.ts';
import { labCgroups, processesInCgroups } from './cgroups.ts';
import { labProcesses } from './processes.ts';

/** Everything of the lab that is on this machine now, one line each, for a person to read. */
export function leftovers(netnsInode: number | undefined): string[] {
  return [
    ...labProcesses(netnsInode, processesInCgroups()).map(
      ({ pid, name }) => `process ${pid} (${name})`,
    ),
    ...mountsOfLab().map((mount) => `mount ${mount}`),
    ...(existsSync(netnsPath) ? [`network namespace ${netnsPath}`] : []),
    ...labCgroups().map((cgroup) => `cgroup ${cgroup}`),
    ...strayDevices().map((device) => `network device ${device}`),
  ];
}

/** Mount points below the run folder, in the order in which they were mounted. */
export function mountsOfLab(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unescapeMount(line.split(' ')[4] ?? ''))
    .filter((mount) => mount.startsWith(`${runDir}/`));
}

/** The kernel writes blanks and the like in mount points as \040. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * The lab makes its bridges inside its own namespace, where they end with it. One in the machine's
 * own namespace would mean that a program was started outside by mistake.
 */
function strayDevices(): string[] {
  return readdirSync('/sys/class/net').filter((name) => /^lab\d$/.test(name));
}
