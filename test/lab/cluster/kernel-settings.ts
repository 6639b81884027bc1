import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { home } from '../layout.ts';

/**
 * The settings of the whole machine that a kubelet changes at its start: among them that a kernel
 * error restarts the machine. They are put back when the lab goes down.
 */
const names = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

/** One for all labs of a machine: the first one up saw the machine as it was. */
const file = path.join(home, 'kernel-settings.json');

export function rememberKernelSettings(): void {
  if (existsSync(file)) return;
  const values = Object.fromEntries(
    names
      .map((name) => path.join('/proc/sys', name))
      .filter((setting) => existsSync(setting))
      .map((setting) => [setting, readFileSync(setting, 'utf8').trim()]),
  );
  mkdirSync(home, { recursive: true });
  writeFileSync(file, JSON.stringify(values, null, 2));
}

export function restoreKernelSettings(): void {
  if (!existsSync(file)) return;
  const values: Record<string, string> = JSON.parse(readFileSync(file, 'utf8'));
  for (const [setting, value] of Object.entries(values)) {
    if (readFileSync(setting, 'utf8').trim() !== value) writeFileSync(setting, value);
  }
  rmSync(file);
}
