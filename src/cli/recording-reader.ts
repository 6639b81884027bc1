import { createReadStream } from 'node:fs';
import {
  formatBytes,
  isStillpointError,
  messageOf,
  nodeCodeOf,
  StillpointError,
} from '../base/index.ts';
import { prepareWhere, type RecordingEntry, readEntry, usesWhere } from '../rules/index.ts';

/** A state of ten thousand pods is smaller. */
const LINE_BYTES_MAX = 128 * 1_048_576;

/**
 * The entries of all files, the file that begins first coming first. Error: `bad-input` with file
 * and line, `not-found`.
 */
export async function* readRecordings(
  paths: readonly string[],
  notes: { torn: string[] },
): AsyncGenerator<RecordingEntry> {
  const files = await Promise.all(paths.map(async (path) => ({ path, atMs: await begins(path) })));
  for (const { path } of files.sort((a, b) => a.atMs - b.atMs)) yield* entriesOf(path, notes);
}

async function begins(path: string): Promise<number> {
  for await (const entry of entriesOf(path, { torn: [] })) {
    if (entry.kind === 'state') return entry.atMs;
    throw new StillpointError({
      code: 'bad-input',
      message: `${path}:1: does not begin with the state, so nothing can be decided from it`,
      hint: 'Name whole files as the agent wrote them.',
    });
  }
  throw new StillpointError({ code: 'bad-input', message: `${path}: is empty` });
}

async function* entriesOf(path: string, notes: { torn: string[] }): AsyncGenerator<RecordingEntry> {
  let number = 0;
  for await (const { text, isWhole } of linesOf(path)) {
    number++;
    if (text === '') continue;
    if (!isWhole) {
      notes.torn.push(`${path}:${number}`);
      return;
    }
    try {
      const entry = readEntry(text);
      if (entry.kind === 'state' && usesWhere(entry.rules)) await prepareWhere();
      yield entry;
    } catch (error) {
      if (!isStillpointError(error)) throw error;
      const message = `${path}:${number}: ${error.message}`;
      throw new StillpointError({ code: error.code, message, hint: error.hint, cause: error });
    }
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a directory',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
};

function unreadable(path: string, error: unknown): StillpointError {
  const why = READ_ERRORS[nodeCodeOf(error) ?? ''] ?? `cannot be read: ${messageOf(error)}`;
  return new StillpointError({
    code: 'bad-input',
    message: `recording ${path}: ${why}`,
    hint: 'Name the file of `record.path` in the configuration of the agent, and the one before, with .1.',
    cause: error,
  });
}

async function* linesOf(path: string): AsyncGenerator<{ text: string; isWhole: boolean }> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      for (const text of parts) yield { text, isWhole: true };
      if (rest.length > LINE_BYTES_MAX) {
        const message = `${path}: a line is longer than ${formatBytes(LINE_BYTES_MAX)}`;
        throw new StillpointError({ code: 'bad-input', message });
      }
    }
  } catch (error) {
    if (isStillpointError(error)) throw error;
    throw unreadable(path, error);
  }
  if (rest !== '') yield { text: rest, isWhole: false };
}
