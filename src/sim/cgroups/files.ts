import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  watch,
  writeSync,
} from 'node:fs';
import { type Cancel, nodeCodeOf } from '../../base/index.ts';

/**
 * Writes a file in place, so that a reader that keeps it open sees the new text, as with the
 * kernel's files. A shorter text is written before the rest is cut: the first line is whole at
 * every moment.
 */
export function writeInPlace(path: string, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    writeSync(file, bytes, 0, bytes.length, 0);
    ftruncateSync(file, bytes.length);
  } finally {
    closeSync(file);
  }
}

/** Makes the directory when it is missing and fills it. */
export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeInPlace(`${directory}/${name}`, text);
}

/** The trimmed text, or undefined when the file is gone. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** /proc/PID as far as an agent reads it. */
export function writeProcess(
  procRoot: string,
  pid: number,
  fields: { cgroupLines: readonly string[]; name: string; tracerPid: number },
): void {
  const status = [
    `Name:\t${fields.name}`,
    'State:\tS (sleeping)',
    `Tgid:\t${pid}`,
    `Pid:\t${pid}`,
    `TracerPid:\t${fields.tracerPid}`,
  ];
  writeFiles(`${procRoot}/${pid}`, {
    cgroup: `${fields.cgroupLines.join('\n')}\n`,
    status: `${status.join('\n')}\n`,
  });
}

/** Where a file cannot be watched, whoever looks at it from time to time must do. */
export function watchFile(path: string, onWritten: () => void): Cancel {
  try {
    const watcher = watch(path, { persistent: false }, onWritten);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch (error) {
    if (nodeCodeOf(error) === undefined) throw error;
    return () => undefined;
  }
}
