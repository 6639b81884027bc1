import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRulesState, signalEntry, stateEntry, step } from '../../src/rules/index.ts';
import { benchOf, event, pod, podChanged, START_MS } from '../rules/support/bench.ts';
import { documentsOf } from '../rules/support/documents.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { rowsOf, run } from './rig.ts';

const tempDir = useTempDirs();
const SPEC = 'when: { event: { reason: Unhealthy, atLeast: 2, within: 1m } }\ntarget: {}';

/** A recording of three Events about one container; the rule fires at the second. */
function recordingOf(specs = { live: SPEC }): string[] {
  const { core } = benchOf({ live: SPEC });
  const state = createRulesState();
  const of = { run: 'r', part: 0, dropped: 0, redacted: true, redact: {} };
  const rules = documentsOf(specs);
  const first = stateEntry(core, state, { ...of, cause: 'begin', atMs: START_MS, rules });
  const lines = [JSON.stringify(first)];
  for (const [index, signal] of [podChanged(pod(), true), event(), event(), event()].entries()) {
    const nowMs = START_MS + index * 1_000;
    const { decisions } = step(core, state, signal, nowMs);
    lines.push(JSON.stringify(signalEntry(core, { signal, nowMs, redacted: true }, decisions)));
  }
  return lines.map((line) => `${line}\n`);
}

function fileOf(text: string): string {
  const path = join(tempDir(), 'recording.ndjson');
  writeFileSync(path, text);
  return path;
}

function rulesDir(spec: string): string {
  const path = join(tempDir(), 'rules');
  mkdirSync(path);
  const indented = spec.replaceAll('\n', '\n  ');
  writeFileSync(
    join(path, 'live.yaml'),
    `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: live }\nspec:\n  ${indented}\n`,
  );
  return path;
}

describe('stillpoint rules replay', () => {
  it.each([
    [
      'that is not there',
      (path: string) => join(path, 'none.ndjson'),
      /none\.ndjson: does not exist/,
    ],
    ['that is a directory', (path: string) => path, /: is a directory/],
  ])('says what to name instead of a recording %s', async (_, pathIn, message) => {
    const { code, out, err } = await run('rules', 'replay', pathIn(tempDir()));
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/hint: Name the file of `record.path`/);
    expect(err).not.toContain('errno');
    expect(err).not.toMatch(/ENOENT|EISDIR/);
  });

  it('tells what fired and that it is what the agent did', async () => {
    const { code, out, err } = await run('rules', 'replay', fileOf(recordingOf().join('')));
    expect([code, err]).toEqual([0, '']);
    expect(rowsOf(out)).toEqual([
      ['TIME', 'RULE', 'TARGET', 'DECISION', 'WHY'],
      ['2026-01-01T00:00:02.000Z', 'live', 'shop/cart/app', 'fired', '2 of 2 within 1m'],
      [''],
      ['recording', '2026-01-01T00:00:00.000Z, 3s, 4 signals, 1 firing'],
      ['note', expect.stringContaining('without secrets')],
      ['compared', 'all 3 decisions are those that the agent made'],
    ]);
    const all = await run('rules', 'replay', fileOf(recordingOf().join('')), '--all');
    expect(
      rowsOf(all.out)
        .slice(1, 4)
        .map((cells) => cells[3]),
    ).toEqual(['window-open', 'fired', 'cooldown']);
  });

  it('ends with 1 where the recorded rules decide otherwise, and shows both', async () => {
    const other = fileOf(recordingOf({ live: SPEC.replace('2', '1') }).join(''));
    const { code, out } = await run('rules', 'replay', other);
    expect(code).toBe(1);
    expect(out).toContain('3 decisions of 3 differ');
    expect(out).toMatch(/agent: {2}live window-open .*: 1 of 2 within 1m/);
    expect(out).toMatch(/replay: live fired .*: 1 of 1 within 1m/);
  });

  it('compares with other rules', async () => {
    const against = rulesDir(`mode: observe\n${SPEC}`);
    const path = fileOf(recordingOf().join(''));
    const { code, out } = await run('rules', 'replay', path, '--against', against);
    expect(code).toBe(0);
    expect(out).toContain('~  2026-01-01T00:00:02.000Z  live  shop/cart/app  mode: ');
    expect(out).toContain('0 added, 0 removed, 1 changed, 0 the same');
    const json = await run('rules', 'replay', path, '--against', against, '-o', 'json');
    expect(JSON.parse(json.out)).toMatchObject({
      counts: { added: 0, removed: 0, changed: 1, same: 0 },
      changes: [{ change: 'changed', what: ['mode'], after: { reason: 'observed' } }],
    });
  });

  it('decides with rules of its own, for machines too', async () => {
    const rules = rulesDir(SPEC.replace('2', '1'));
    const path = fileOf(recordingOf().join(''));
    const { out } = await run('rules', 'replay', path, '--rules', rules, '-o', 'json');
    const { decisions, equal } = JSON.parse(out);
    expect(equal).toBeUndefined();
    expect(decisions).toMatchObject([
      { at: '2026-01-01T00:00:01.000Z', rule: 'live', reason: 'fired', trail: expect.any(Array) },
    ]);
  });

  it('leaves out a last line that was cut off', async () => {
    const path = fileOf(recordingOf().join('').slice(0, -40));
    const { code, err, out } = await run('rules', 'replay', path);
    expect([code, err]).toEqual([0, `note: ${path}:5: cut off; left out\n`]);
    expect(out).toContain('all 2 decisions');
  });

  it.each([
    ['no line of a recording', () => `${recordingOf()[0]}{}\n`, ':2: no line of a recording'],
    ['a second half', () => recordingOf().slice(1).join(''), ':1: does not begin with the state'],
    ['an empty file', () => '', ': is empty'],
  ])('refuses %s, with its place', async (_, text, message) => {
    const path = fileOf(text());
    const { code, err } = await run('rules', 'replay', path);
    expect(code).toBe(2);
    expect(err).toContain(`${path}${message}`);
  });
});

describe('stillpoint rules explain', () => {
  it('tells from a recording why a rule did not fire', async () => {
    const path = fileOf(recordingOf().join(''));
    const { code, out } = await run('rules', 'explain', 'shop/cart', '--recording', path);
    expect(code).toBe(0);
    const [head, , ...table] = rowsOf(out);
    expect(head).toEqual([
      'shop/cart/app: running since 00:00:00Z, restarted 0 times, container aaaaaaaaaaaa',
    ]);
    expect(table).toEqual([
      ['RULE', 'KIND', 'ANSWER', 'WHY'],
      ['live', 'event', 'cooldown', 'until 00:10:02Z'],
    ]);
  });

  it('shows all that was looked at for one rule', async () => {
    const path = fileOf(recordingOf().join(''));
    const asked = ['shop/cart/app', '--rule', 'live', '--recording', path];
    const { out } = await run('rules', 'explain', ...asked);
    expect(out).toContain(
      'answer  cooldown: the rule fired for the same target a short time ago\n',
    );
    expect(out).toMatch(/^- {2}limits\.cooldown {2}until 00:10:02Z$/m);
    expect(out).toMatch(/^\+ {2}when\.event\.atLeast +2 within 1m +2$/m);
    const json = await run('rules', 'explain', ...asked, '-o', 'json');
    expect(JSON.parse(json.out)).toMatchObject([
      {
        container: 'app',
        rules: [{ rule: 'live', answer: 'cooldown', last: { reason: 'cooldown' } }],
      },
    ]);
  });

  it.each([
    ['shop', 2, 'names no container'],
    ['shop/crt', 4, 'did you mean shop/cart?'],
  ])('refuses %s', async (target, exitCode, message) => {
    const path = fileOf(recordingOf().join(''));
    const { code, err } = await run('rules', 'explain', target, '--recording', path);
    expect([code, err]).toEqual([exitCode, expect.stringContaining(message)]);
  });
});
