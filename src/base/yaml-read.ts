import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, nodeCodeOf } from './errors.ts';
import { runInTurns } from './steps.ts';
import { formatBytes } from './units.ts';
import { parseYamlSteps, wholeFile, type YamlDocuments } from './yaml-documents.ts';
import type { Mistake } from './yaml-mistake.ts';

/** The largest YAML file that is read; a ConfigMap holds no more either. */
export const YAML_FILE_BYTES_MAX = 1_048_576;
/** How many files of one directory are read. */
const FILES_MAX = 1_000;
/** How often a directory is read anew because the kubelet swapped a ConfigMap meanwhile. */
const SWAP_TRIES_MAX = 5;

/**
 * Reads a YAML file, or every *.yaml and *.yml of a directory, sorted by name; not its
 * subdirectories, and no tests of rules (*.test.yaml, *_test.yaml). What cannot be read is a
 * mistake like any other, so a caller has one list to look at. A mounted ConfigMap is read through
 * its `..data` link, resolved once: never half of one version and half of the next. Other links in
 * a directory are refused; a file named by itself may be one.
 */
export async function readYaml(path: string): Promise<YamlDocuments> {
  try {
    const info = await stat(path);
    if (!info.isDirectory()) return await readOne(path, path, 'follow');
  } catch (error) {
    return { documents: [], mistakes: [unreadable(path, error)] };
  }
  for (let tries = 1; ; tries++) {
    const result = await readDirectory(path);
    if (result !== 'swapped') return result;
    if (tries === SWAP_TRIES_MAX) {
      const message = 'changed again and again while it was read';
      return { documents: [], mistakes: [wholeFile(path, message)] };
    }
  }
}

async function readDirectory(path: string): Promise<YamlDocuments | 'swapped'> {
  const result: YamlDocuments = { documents: [], mistakes: [] };
  try {
    const data = await configMapData(path);
    if (data === 'outside') {
      result.mistakes.push(wholeFile(join(path, '..data'), 'leads out of its directory'));
      return result;
    }
    const home = data ?? path;
    const names = (await readdir(home)).filter(isYamlName).sort();
    if (names.length > FILES_MAX) {
      const message = `holds ${names.length} YAML files; at most ${FILES_MAX} are read`;
      result.mistakes.push(wholeFile(path, message));
      return result;
    }
    for (const name of names) {
      const one = await readOne(join(home, name), join(path, name), 'refuse');
      result.documents.push(...one.documents);
      result.mistakes.push(...one.mistakes);
    }
    if (data !== (await configMapData(path))) return 'swapped';
    return result;
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return 'swapped';
    result.mistakes.push(unreadable(path, error));
    return result;
  }
}

function isYamlName(name: string): boolean {
  return !name.startsWith('.') && /\.ya?ml$/.test(name) && !isTestName(name);
}

/** Tests of rules lie beside the rules: `memory.test.yaml`, `memory_test.yaml`. */
export function isTestName(name: string): boolean {
  return /[._]test\.ya?ml$/.test(name);
}

/** Where a ConfigMap mount keeps its present version; undefined for an ordinary directory. */
async function configMapData(path: string): Promise<string | 'outside' | undefined> {
  const link = join(path, '..data');
  try {
    if (!(await lstat(link)).isSymbolicLink()) return undefined;
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [target, home] = await Promise.all([realpath(link), realpath(path)]);
  // The kubelet's own: a sibling directory whose name begins with two dots.
  return dirname(target) === home && basename(target).startsWith('..') ? target : 'outside';
}

/** Reads the file at `path`; messages call it `name`. Throws only ENOENT. */
async function readOne(
  path: string,
  name: string,
  links: 'follow' | 'refuse',
): Promise<YamlDocuments> {
  try {
    const text = await readText(path, links);
    if (typeof text === 'string') return await runInTurns(parseYamlSteps(text, name));
    return { documents: [], mistakes: [wholeFile(name, text.refused)] };
  } catch (error) {
    if (nodeCodeOf(error) === 'ENOENT') throw error;
    return { documents: [], mistakes: [unreadable(name, error)] };
  }
}

async function readText(
  path: string,
  links: 'follow' | 'refuse',
): Promise<string | { refused: string }> {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const noFollow = links === 'refuse' ? constants.O_NOFOLLOW : 0;
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | noFollow);
  try {
    const info = await file.stat();
    if (!info.isFile()) return { refused: 'is not a regular file' };
    const buffer = Buffer.alloc(YAML_FILE_BYTES_MAX + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    if (length > YAML_FILE_BYTES_MAX) {
      return { refused: `is larger than ${formatBytes(YAML_FILE_BYTES_MAX)}` };
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } finally {
    await file.close();
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ELOOP: 'is a link; in a directory only the links of a mounted ConfigMap are followed',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text',
};

function unreadable(file: string, error: unknown): Mistake {
  const known = READ_ERRORS[nodeCodeOf(error) ?? ''];
  return wholeFile(file, known ?? `cannot be read: ${messageOf(error)}`);
}
