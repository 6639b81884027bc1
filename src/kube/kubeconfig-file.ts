import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import { messageOf, StillpointError } from '../base/index.ts';
import type { ExecPlugin } from './exec-plugin.ts';

type Entry = Record<string, unknown> & { name?: string };

/** The one context of some kubeconfig files that is used, every path in it made absolute. */
export interface KubeconfigChoice {
  contextName: string;
  server: string;
  /** `cluster` and `user` as the file has them, without what is in the fields below. */
  cluster: Record<string, unknown>;
  user: Record<string, unknown>;
  /** client-go reads `tokenFile` again and again and prefers it to `token`; so do we. */
  tokenFile?: string;
  exec?: ExecPlugin;
  proxyUrl?: string;
}

const FILE_KEYS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

/**
 * Reads the files as kubectl merges them (of two entries of one name the first wins) and picks one
 * context. Throws `bad-config` naming the file and what is missing in it.
 */
export async function readKubeconfig(
  paths: readonly string[],
  context: string | undefined,
): Promise<KubeconfigChoice> {
  const files = await Promise.all(paths.map(readOne));
  const where = paths.join(', ');
  const current = files.map((file) => file['current-context']).find((name) => Boolean(name));
  const contextName = context ?? (typeof current === 'string' ? current : '');
  if (contextName === '') throw broken(`${where}: no current-context, and none was named`);
  const find = (list: string, key: string, name: unknown): Record<string, unknown> => {
    const entries = files.flatMap((file) => entriesOf(file[list]));
    const found = entries.find((entry) => entry.name === name)?.[key];
    if (isRecord(found)) return found;
    const names = entries.map((entry) => entry.name).join(', ') || 'none';
    throw broken(`${where}: no ${key} "${String(name)}" in ${list}; there are: ${names}`);
  };
  const chosen = find('contexts', 'context', contextName);
  const cluster = find('clusters', 'cluster', chosen.cluster);
  const { token, tokenFile, exec, ...rest } = find('users', 'user', chosen.user);
  if (typeof cluster.server !== 'string') throw broken(`${where}: the cluster names no server`);
  return {
    contextName,
    server: cluster.server,
    cluster,
    user: typeof tokenFile === 'string' || token === undefined ? rest : { ...rest, token },
    tokenFile: typeof tokenFile === 'string' ? tokenFile : undefined,
    exec: isRecord(exec) ? toExecPlugin(exec, where) : undefined,
    proxyUrl: typeof cluster['proxy-url'] === 'string' ? cluster['proxy-url'] : undefined,
  };
}

function toExecPlugin(exec: Record<string, unknown>, where: string): ExecPlugin {
  const { command, apiVersion, args, env } = exec;
  if (typeof command !== 'string') throw broken(`${where}: exec names no command`);
  const named = entriesOf(env).map(({ name, value }) => [String(name), String(value)]);
  return {
    apiVersion: typeof apiVersion === 'string' ? apiVersion : undefined,
    command,
    args: Array.isArray(args) ? args.map(String) : [],
    env: Object.fromEntries(named),
  };
}

async function readOne(path: string): Promise<Record<string, unknown>> {
  let content: unknown;
  try {
    content = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw broken(`${path} cannot be used: ${messageOf(cause)}`, cause);
  }
  if (!isRecord(content)) throw broken(`${path} is no kubeconfig: it must be a YAML mapping`);
  const directory = dirname(resolve(path));
  for (const [list, key] of [
    ['clusters', 'cluster'],
    ['users', 'user'],
  ] as const) {
    for (const entry of entriesOf(content[list])) {
      if (isRecord(entry[key])) makeAbsolute(entry[key], directory);
    }
  }
  return content;
}

/** Paths in a kubeconfig are relative to it; so is an exec command that holds a slash. */
function makeAbsolute(part: Record<string, unknown>, directory: string): void {
  if (typeof part['token-file'] === 'string') part.tokenFile ??= part['token-file'];
  delete part['token-file'];
  for (const key of FILE_KEYS) {
    const path = part[key];
    if (typeof path === 'string' && !isAbsolute(path)) part[key] = resolve(directory, path);
  }
  const exec = part.exec;
  if (isRecord(exec) && typeof exec.command === 'string' && exec.command.includes('/')) {
    exec.command = resolve(directory, exec.command);
  }
}

function entriesOf(list: unknown): Entry[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function broken(message: string, cause?: unknown): StillpointError {
  const hint = 'Name a kubeconfig and one of its contexts, or run in a pod of the cluster.';
  return new StillpointError({ code: 'bad-config', message, hint, cause });
}
