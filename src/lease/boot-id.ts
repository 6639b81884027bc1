import { readFileSync } from 'node:fs';
import { messageOf, StillpointError } from '../base/index.ts';

/**
 * Names this run of the kernel (Linux, Documentation/admin-guide/sysctl/kernel.rst, `random`): what
 * was frozen in another run is frozen no more. Error: `unsupported`.
 */
export function readBootId(path = '/proc/sys/kernel/random/boot_id'): string {
  try {
    const text = readFileSync(path, 'latin1').trim();
    if (/^[0-9a-f-]{36}$/.test(text)) return text;
    throw new Error(`it holds ${JSON.stringify(text.slice(0, 64))}`);
  } catch (cause) {
    throw new StillpointError({
      code: 'unsupported',
      message: `the boot id cannot be read from ${path}: ${messageOf(cause)}`,
      hint: 'The guard process needs Linux with /proc.',
      cause,
    });
  }
}
