import { chmodSync, readdirSync, statSync } from 'node:fs';
import { nodeCodeOf } from './errors.ts';
import type { Logger } from './log.ts';

/**
 * Closes directories of ours to everybody else, as they are where the agent makes them itself: the
 * kubelet makes a missing host path of a pod with mode 0755. Only while one is empty: what somebody
 * uses already may be open for a reason, and is only named. A shared one (/tmp) is left alone.
 */
export function closeToOthers(paths: readonly string[], log: Logger): void {
  for (const path of paths) closeOne(path, log);
}

function closeOne(path: string, log: Logger): void {
  try {
    const { mode, uid } = statSync(path);
    const isShared = (mode & 0o1000) !== 0;
    if ((mode & 0o077) === 0 || isShared || uid !== process.getuid?.()) return;
    if (readdirSync(path).length > 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      const hint = 'chmod 0700, unless others are to see the names of what lies there';
      log.info('directory-open-to-others', { path, mode: shown, hint });
      return;
    }
    chmodSync(path, 0o700);
    log.info('directory-closed-to-others', { path });
  } catch (error) {
    // One that is not there yet is made with mode 0700; whoever uses it tells of all else.
    if (nodeCodeOf(error) !== 'ENOENT') log.warn('directory-not-closed', { path, error });
  }
}
