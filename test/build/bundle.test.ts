import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repositoryRoot } from '../structure/source-tree.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';

const run = promisify(execFile);

/** The bundle alone in a directory of its own, and commands started from another one. */
let home: string;
let bundle: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'stillpoint-bundle-'));
  bundle = join(home, 'shipped');
  await run(process.execPath, [join(repositoryRoot, 'scripts/build.ts'), bundle]);
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

function stillpoint(...args: string[]) {
  return run(process.execPath, [join(bundle, 'stillpoint.mjs'), ...args], { cwd: home });
}

interface Ran {
  log: { event: string; code?: string }[];
  status: { backends: { name: string; state: string; why: string }[] };
}

/** An agent that finds nobody: it starts, is asked for its status, and is stopped. */
async function runAgent(): Promise<Ran> {
  const config = writeAgentConfig();
  const script = join(bundle, 'stillpoint.mjs');
  const child = spawn(process.execPath, [script, 'agent', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: Ran['log'] = [];
  let answer: Promise<string> | undefined;
  for await (const text of createInterface({ input: child.stderr })) {
    if (!text.startsWith('{')) continue;
    log.push(JSON.parse(text));
    if (log.at(-1)?.event !== 'started') continue;
    const asked = stillpoint('status', '--socket', join(home, 'agent.sock'), '--output', 'json');
    answer = asked.then(({ stdout }) => stdout).finally(() => child.kill('SIGTERM'));
  }
  return { log, status: JSON.parse((await answer) ?? '{}') };
}

function writeAgentConfig(): string {
  const at = (name: string) => join(home, name);
  for (const name of ['rules', 'checkpoints']) mkdirSync(at(name));
  const kubeconfig = {
    clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(at('kubeconfig'), JSON.stringify(kubeconfig));
  const config = {
    apiVersion: 'stillpoint.dev/v1alpha1',
    kind: 'AgentConfig',
    node: 'n',
    rulesDir: at('rules'),
    checkpointsDir: at('checkpoints'),
    stateDir: at('state'),
    socket: at('agent.sock'),
    kubernetes: { kubeconfig: at('kubeconfig') },
    runtime: { socket: at('none.sock') },
    nats: { servers: ['nats://127.0.0.1:1'] },
    http: { address: '127.0.0.1', port: 0 },
  };
  writeFileSync(at('stillpoint.yaml'), JSON.stringify(config));
  return at('stillpoint.yaml');
}

describe('the bundle', () => {
  it('says which Node.js it needs, to an older one', async () => {
    const older = 'Object.defineProperty(process,"versions",{value:{node:"20.20.2"}})';
    const script = join(bundle, 'stillpoint.mjs');
    const ran = run(process.execPath, ['--import', `data:text/javascript,${older}`, script]);
    await expect(ran).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^stillpoint needs Node\.js 24; this is v/),
    });
  });

  it('tells its version, without a word on stderr', async () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    expect(await stillpoint('version')).toEqual({
      stdout: `stillpoint ${version}, node ${process.version}\n`,
      stderr: '',
    });
  });

  it('starts by its first line, also through a link as package managers make it', async () => {
    const [first, second] = readFileSync(join(bundle, 'stillpoint.mjs'), 'utf8').split('\n');
    expect(first).toBe('#!/usr/bin/env node');
    expect(second).not.toMatch(/^#!/);
    const link = join(home, 'stillpoint');
    symlinkSync(join(bundle, 'stillpoint.mjs'), link);
    const path = `${join(process.execPath, '..')}:${process.env.PATH}`;
    const { stdout } = await run(link, ['version'], {
      cwd: '/',
      env: { ...process.env, PATH: path },
    });
    expect(stdout).toMatch(/^stillpoint /);
  });

  it('finds the rules that it ships, and checks them', async () => {
    const { stdout, stderr } = await stillpoint('rules', 'check', join(bundle, 'rules'));
    expect(stdout).toMatch(/ok: \d+ rules, \d+ retention policies\n$/);
    expect(stderr).toBe('');
  });

  it('hashes in its worker', async () => {
    const bytes = checkpointTar();
    const archive = join(home, 'archive.tar');
    writeFileSync(archive, bytes);
    const { stdout } = await stillpoint('archives', 'verify', archive, '--output', 'json');
    const [report] = JSON.parse(stdout);
    expect(report.verification.kind).toBe('complete');
    expect(report.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('starts an agent, whose lazily loaded packages are those of development', async () => {
    const { log, status } = await runAgent();
    expect(log.at(-1)).toMatchObject({ event: 'stopped' });
    expect(log.map(({ event }) => event)).toEqual(expect.arrayContaining(['guard-live']));
    // The NATS client and gRPC with its proto files were loaded, and found that nobody is there.
    expect(log).toContainEqual(
      expect.objectContaining({ event: 'nats-disconnected', code: 'unreachable' }),
    );
    const cri = status.backends.find(({ name }) => name === 'cri');
    expect(cri).toMatchObject({ state: 'absent', why: expect.stringContaining('none.sock') });
  });

  it('runs a guard process that holds nothing but what it needs', async () => {
    const text = readFileSync(join(bundle, 'guard-process.mjs'), 'utf8');
    expect(text.length).toBeLessThan(80_000);
    const imports = [...text.matchAll(/\b(?:from|import\()\s*"([^"]+)"/g)].map(([, name]) => name);
    expect(imports.filter((name) => !name?.startsWith('node:'))).toEqual([]);
    const socket = join(bundle, 'stillpoint.mjs/guard.sock');
    await expect(stillpoint('guard', '--socket', socket)).rejects.toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^error not-writable: cannot listen on /m),
    });
    await expect(stillpoint('guard', '--sokcet')).rejects.toMatchObject({ code: 2 });
    const { stdout } = await stillpoint('guard', '--help');
    expect(stdout).toMatch(/--leave-alone/);
  });

  it('is small: the generated API client, other languages and white space are not in it', () => {
    const files = readdirSync(bundle).filter((name) => name.endsWith('.mjs'));
    const bytes = files.reduce((sum, name) => sum + readFileSync(join(bundle, name)).length, 0);
    expect(bytes).toBeLessThan(3_350_000);
  });
});
