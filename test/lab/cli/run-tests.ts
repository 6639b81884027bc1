import path from 'node:path';
import { say, step } from '../base/progress.ts';
import { buildLab } from '../build/index.ts';
import { down, startInLab, up } from '../cluster/index.ts';
import { repoDir } from '../layout.ts';
import { withLabLock } from '../lock.ts';
import { installImage } from '../rig/image.ts';
import { parseUpOptions } from './up.ts';

/** The flags of `up` that may stand before jest's own arguments, and whether a value follows. */
const upFlags: Record<string, boolean> = {
  '--nodes': true,
  '--full': false,
  '--stillpoint': false,
  '--kubelet-self-signed': false,
  '--gate': true,
  '--cgroup-driver': true,
};

/** Runs jest in a lab made for it and returns its exit code; 1 as well if the lab left a trace. */
export async function runTests(args: readonly string[], config?: string): Promise<number> {
  const { forUp, forJest } = splitArguments(args);
  const options = parseUpOptions(forUp);
  await buildLab();
  return withLabLock('test:node', async () => {
    let code = 1;
    try {
      await up({ ...options, diesWithThisProcess: true });
      if (options.stillpoint) await installImage();
      code = await runJest(forJest, config);
    } finally {
      await step('taking the lab down', down);
    }
    return code;
  });
}

export function splitArguments(args: readonly string[]): { forUp: string[]; forJest: string[] } {
  const forUp: string[] = [];
  const forJest: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    const [flag = '', value] = argument.split('=', 2);
    const takesValue = upFlags[flag];
    if (takesValue === undefined) {
      forJest.push(argument);
      continue;
    }
    const given = takesValue && value === undefined ? [args[++at] ?? ''] : [];
    if (flag === '--nodes') forUp.push(value ?? given[0] ?? '');
    else forUp.push(argument, ...given);
  }
  return { forUp, forJest };
}

/** Jest and all it starts run inside the lab's network namespace, so that plain addresses work. */
export async function runJest(
  args: readonly string[],
  config = 'jest.lab.config.js',
): Promise<number> {
  const jest = [
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    ...[path.join(repoDir, 'node_modules/jest/bin/jest.js'), '--config', config],
  ];
  const child = startInLab(process.execPath, [...jest, ...args], {
    cwd: repoDir,
    stdio: 'inherit',
  });
  // Ctrl-C reaches jest as well; this process stays to take the lab down.
  const passOn = (signal: NodeJS.Signals) => {
    say(`${signal}: ending jest, then taking the lab down`);
    child.kill(signal);
  };
  process.on('SIGINT', passOn);
  process.on('SIGTERM', passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 130));
    });
  } finally {
    process.off('SIGINT', passOn);
    process.off('SIGTERM', passOn);
  }
}
