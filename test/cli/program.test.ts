import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { errorCodes } from '../../src/base/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { run } from './rig.ts';

const tempDir = useTempDirs();

const COMMANDS = [
  ['agent'],
  ['demo'],
  ['rules', 'check'],
  ['archives', 'list'],
  ['archives', 'show'],
  ['archives', 'verify'],
  ['archives', 'prune'],
  ['capture'],
  ['status'],
  ['pause'],
  ['resume'],
];

describe('the command line', () => {
  it.each<[string, string[], RegExp]>([
    ['an unknown command', ['chekpoint'], /unknown command 'chekpoint'/],
    ['an unknown command of a group', ['archives', 'lst'], /unknown command 'lst'.*list/s],
    ['an unknown option', ['status', '--outptu', 'json'], /unknown option '--outptu'/],
    ['an unknown value', ['status', '--output', 'xml'], /Allowed choices are table, json, yaml/],
    ['an unknown backend', ['capture', 'a/b', '--via', 'gdb'], /auto, containerd, cri, kubelet/],
    ['a missing argument', ['rules', 'check'], /missing required argument 'path'/],
    ['an argument too many', ['status', 'now'], /too many arguments/],
    ['an option without its value', ['status', '--socket'], /argument missing/],
    ['no command at all', [], /Usage: stillpoint/],
    ['a group without a command', ['archives'], /Usage: stillpoint archives/],
  ])('ends with 2 for %s, and says what is allowed', async (_, argv, expected) => {
    const { code, out, err } = await run(...argv);
    expect(code).toBe(2);
    expect(err).toMatch(expected);
    expect(out).toBe('');
  });

  it('tells its version in two ways', async () => {
    const { code, out } = await run('version');
    expect(code).toBe(0);
    expect(out).toMatch(/^stillpoint \d+\.\d+\.\d+\S*, node v\d+/);
    const short = await run('--version');
    expect([short.code, short.out.trim()]).toEqual([0, out.split(/[ ,]/)[1]]);
  });

  it.each(['json', 'yaml'])('tells its version to machines as %s', async (format) => {
    const { code, out } = await run('version', '-o', format);
    expect(code).toBe(0);
    expect(parse(out)).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.version,
    });
  });

  it.each(COMMANDS.map((argv) => argv.join(' ')))(
    'shows the same help for `help %s` as with --help',
    async (line) => {
      const words = line.split(' ');
      expect(await run('help', ...words)).toEqual(await run(...words, '--help'));
    },
  );

  it.each([['nope'], ['nope check'], ['rules nope']])(
    'does not pretend to help with `help %s`',
    async (line) => {
      const { code, err } = await run('help', ...line.split(' '));
      expect([code, err]).toEqual([2, expect.stringContaining("unknown command 'nope'")]);
    },
  );

  it('lists all commands and what the exit codes mean', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const [name] of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    for (const { exitCode } of Object.values(errorCodes)) {
      expect(out).toMatch(new RegExp(`^  ${exitCode}  `, 'm'));
    }
  });

  it.each(COMMANDS.map((argv) => argv.join(' ')))(
    'has an example in the help of %s',
    async (line) => {
      const { code, out } = await run(...line.split(' '), '--help');
      expect(code).toBe(0);
      expect(out).toMatch(/Examples?:\n {2}(stillpoint|npm)/);
      expect(out).toContain('Usage: stillpoint');
    },
  );
});

describe('an error', () => {
  const socket = '/nowhere/agent.sock';

  it('is text with its hint for people', async () => {
    const { code, out, err } = await run('status', '--socket', socket);
    expect([code, out]).toEqual([3, '']);
    expect(err).toMatch(/^error unreachable: agent socket \/nowhere.*\nhint: /);
  });

  it('is data on stderr when data was asked for, and stdout stays empty', async () => {
    const json = await run('status', '--socket', socket, '-o', 'json');
    expect([json.code, json.out]).toEqual([3, '']);
    expect(JSON.parse(json.err)).toEqual({
      error: {
        code: 'unreachable',
        message: expect.stringContaining(socket),
        hint: expect.stringContaining('--socket'),
        retryable: true,
      },
    });
    const yaml = await run('archives', 'show', 'none.tar', '--dir', tempDir(), '-o', 'yaml');
    expect(yaml.code).toBe(4);
    expect(yaml.err).toMatch(/^error:\n {2}code: not-found\n/);
  });
});

describe('stillpoint agent', () => {
  it.each<[string, string, RegExp]>([
    ['has an unknown key', 'chekpointsDir: /x\n', /3:1: .*chekpointsDir.*checkpointsDir/s],
    ['names a value out of range', 'limits: { capturesPerHour: 0 }\n', /capturesPerHour/],
  ])('ends with 2 when its configuration %s', async (_, text, expected) => {
    const file = join(tempDir(), 'stillpoint.yaml');
    writeFileSync(file, `apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\n${text}`);
    const { code, err } = await run('agent', '--config', file);
    expect(code).toBe(2);
    expect(err).toMatch(expected);
  });

  it('ends with 2 when a file that was asked for is not there', async () => {
    const { code, err } = await run('agent', '--config', join(tempDir(), 'none.yaml'));
    expect(code).toBe(2);
    expect(err).toContain('none.yaml');
  });

  it('ends with 2 without an identity, and says where one may come from', async () => {
    const dir = tempDir();
    const file = join(dir, 'stillpoint.yaml');
    writeFileSync(
      file,
      `apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\nstateDir: ${dir}/state\nlogLevel: silent\n`,
    );
    const kubeconfig = join(dir, 'kubeconfig');
    const { code, err } = await run('agent', '-c', file, '--kubeconfig', kubeconfig);
    expect(code).toBe(2);
    expect(err).toContain(kubeconfig);
  });
});

describe('a reader that has seen enough', () => {
  it('is no failure', async () => {
    const child = spawn(process.execPath, ['src/cli/main.ts', '--help'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
    });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += String(chunk);
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, err]).toEqual([0, '']);
  });
});
