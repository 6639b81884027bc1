import { release } from 'node:os';
import { defineCheck } from '../check.ts';
import { type Finding, fail, ok } from '../line.ts';

export interface MachineFacts {
  platform: string;
  /** As Node names it: `x64`, `arm64`. */
  architecture: string;
  kernel: string;
}

/** What CRIU can dump (its own list of architectures), as Node names them. */
const ARCHITECTURES = ['x64', 'arm64', 'arm', 'ppc64', 's390x', 'mips64el', 'loong64', 'riscv64'];

export const machineCheck = defineCheck(
  'machine',
  (): MachineFacts => ({
    platform: process.platform,
    architecture: process.arch,
    kernel: release(),
  }),
  judgeMachine,
);

export function judgeMachine({ platform, architecture, kernel }: MachineFacts): Finding[] {
  if (platform !== 'linux') {
    const next = 'Select Linux nodes: nodeSelector kubernetes.io/os: linux.';
    return [fail('not-linux', `${platform} has no CRIU`, next)];
  }
  if (!ARCHITECTURES.includes(architecture)) {
    const what = `CRIU is not made for ${architecture}`;
    return [fail('architecture', what, `It is for ${ARCHITECTURES.join(', ')}.`)];
  }
  return [ok(`${architecture}, kernel ${kernel}`)];
}
