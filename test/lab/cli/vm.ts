import { runInVm } from '../vm/index.ts';

/** vm [-s] [--out DIR] [--timeout SECONDS] COMMAND… */
export async function runVm(args: readonly string[]): Promise<number> {
  const rest = [...args];
  let systemd = false;
  let outDir: string | undefined;
  let timeoutMs: number | undefined;
  while (rest[0]?.startsWith('-')) {
    const flag = rest.shift();
    if (flag === '-s' || flag === '--systemd') systemd = true;
    else if (flag === '--out') outDir = rest.shift();
    else if (flag === '--timeout') timeoutMs = Number(rest.shift()) * 1000;
    else throw new Error(`vm knows -s, --out DIR and --timeout SECONDS, not "${flag}"`);
  }
  if (rest.length === 0) throw new Error('vm needs a command, such as: vm cat /proc/version');
  return runInVm(rest, { systemd, outDir, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}
