import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { nodeCodeOf } from '../base/index.ts';

/** CRIU writes its causes at the end; a log at level 4 of a large container is many MB. */
const TAIL_BYTES_MAX = 256 * 1024;

/** `path= <bundle>/criu-dump.log` (containerd) and `log file: <dir>/dump.log` (runc up to 1.1). */
const LOG_PATH = /(\/[^\s:"'`]{1,4000}\/(?:criu-)?dump\.log)/;

/** CRI-O quotes the command: `--work-path <dir>`, sometimes as a list of quoted words. */
const WORK_PATH = /--work-path[",\s]+(\/[^\s",]{1,4000})/;

/**
 * Where the error text says that CRIU's log lies; undefined when it names none that belongs to the
 * container. Only a path that contains the container's id counts: the text may quote anything.
 */
export function dumpLogPath(runtimeText: string, containerId: string): string | undefined {
  const workPath = WORK_PATH.exec(runtimeText)?.[1];
  const named = LOG_PATH.exec(runtimeText)?.[1];
  const path = named ?? (workPath === undefined ? undefined : `${workPath}/dump.log`);
  if (path === undefined || containerId === '' || !path.includes(containerId)) return undefined;
  return path.split('/').includes('..') ? undefined : path;
}

/**
 * The end of CRIU's log for a failed checkpoint, for classifyFailure. Empty when there is none, or
 * it cannot be read from here (the agent's mounts do not show the runtime's directory): the
 * runtime's own text must do then. Never follows a link.
 */
export async function readDumpLog(runtimeText: string, containerId: string): Promise<string> {
  const path = dumpLogPath(runtimeText, containerId);
  return path === undefined ? '' : readLogTail(path);
}

/** The end of a log; empty when there is none that can be read. Never follows a link. */
export async function readLogTail(path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES_MAX);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('latin1', 0, bytesRead);
  } catch (error) {
    if (nodeCodeOf(error) !== undefined) return '';
    throw error;
  } finally {
    await file?.close();
  }
}

/** CRIU's last words; a killed one never says them. */
export function saysItEnded(log: string): boolean {
  return log.includes('Dumping finished successfully') || log.includes('Dumping FAILED');
}

/** What CRIU complains of, for people: its first lines that it tags as errors. */
export function errorLinesOf(log: string): readonly string[] {
  return log
    .split('\n')
    .filter((line) => line.includes('Error ('))
    .slice(0, ERROR_LINES_MAX)
    .map((line) => line.slice(0, ERROR_LINE_CHARS_MAX));
}

const ERROR_LINES_MAX = 5;
const ERROR_LINE_CHARS_MAX = 300;
