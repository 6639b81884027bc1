import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createRuleFiles, type RuleFiles } from '../../src/agent/rule-files.ts';
import type { RuleSet } from '../../src/agent/rule-set.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

function ruleText(name: string, spec = 'when: { event: { reason: Unhealthy } }, target: {}') {
  return `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
}

interface Rig {
  clock: FakeClock;
  files: RuleFiles;
  lines: LogLine[];
  /** Names of the rules, one text a set. */
  sets: string[];
  refusals: string[];
  /** Lets a look go through: a second passes, and the disk answers. */
  look(): Promise<void>;
  onSet: (set: RuleSet) => void;
}

const running: RuleFiles[] = [];
afterEach(() => {
  for (const files of running.splice(0)) files.stop();
});

function rig(path: string): Rig {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const sets: string[] = [];
  const refusals: string[] = [];
  const made: Rig = {
    clock,
    lines,
    sets,
    refusals,
    onSet: (set) => sets.push(set.rules.map(({ id }) => id).join(',')),
    files: createRuleFiles({
      path,
      clock,
      log,
      onSet: (set) => made.onSet(set),
      onRefused: (_, message) => refusals.push(message),
    }),
    async look() {
      await clock.advance(1_000);
      await made.files.settled();
    },
  };
  running.push(made.files);
  return made;
}

describe('rule files', () => {
  it('are in force after the start', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    writeFileSync(join(path, 'b.yml'), ruleText('b'));
    writeFileSync(join(path, 'notes.txt'), 'not: [a rule');
    const { files, sets } = rig(path);
    await files.start();
    expect(sets).toEqual(['a,b']);
    expect(files.refused()).toBeUndefined();
  });

  it('may bring an expression at any time, which is checked as all else', async () => {
    const path = join(tempDir(), 'only.yaml');
    const event = 'when: { event: { reason: Unhealthy } }, target: {}';
    writeFileSync(path, ruleText('a'));
    const { files, sets, refusals, look } = rig(path);
    await files.start();
    writeFileSync(path, ruleText('b', `${event}, where: 'pod.name == "cart"'`));
    await look();
    writeFileSync(path, ruleText('c', `${event}, where: 'pod.nam == "cart"'`));
    await look();
    expect(sets).toEqual(['a', 'b']);
    expect(refusals).toEqual([expect.stringContaining('pod has no field nam')]);
  });

  it('may be one file', async () => {
    const path = join(tempDir(), 'only.yaml');
    writeFileSync(path, ruleText('a'));
    const { files, sets, look } = rig(path);
    await files.start();
    writeFileSync(path, ruleText('changed'));
    await look();
    expect(sets).toEqual(['a', 'changed']);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['written', (dir) => writeFileSync(join(dir, 'a.yaml'), ruleText('changed')), 'changed'],
    ['added', (dir) => writeFileSync(join(dir, 'b.yaml'), ruleText('b')), 'a,b'],
    ['removed', (dir) => rmSync(join(dir, 'a.yaml')), ''],
    [
      'replaced by an editor',
      (dir) => {
        writeFileSync(join(dir, '.a.swp'), ruleText('saved'));
        renameSync(join(dir, '.a.swp'), join(dir, 'a.yaml'));
      },
      'saved',
    ],
  ])('that are %s are in force within a second', async (_, change, expected) => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const { files, sets, look } = rig(path);
    await files.start();
    change(path);
    await look();
    expect(sets).toEqual(['a', expected]);
  });

  it('that did not change are not loaded again', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const { files, sets, look } = rig(path);
    await files.start();
    for (let seconds = 0; seconds < 5; seconds++) await look();
    expect(sets).toHaveLength(1);
  });

  it('with a mistake keep the last good set, and tell it once', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const { files, sets, refusals, look } = rig(path);
    await files.start();
    writeFileSync(join(path, 'bad.yaml'), ruleText('bad', 'wen: {}'));
    await look();
    await look();
    expect(sets).toEqual(['a']);
    expect(refusals).toHaveLength(1);
    expect(files.refused()).toContain('bad.yaml');
    expect(files.refused()).toContain('when');
    rmSync(join(path, 'bad.yaml'));
    await look();
    expect(files.refused()).toBeUndefined();
    expect(sets).toEqual(['a', 'a']);
  });

  it('with a mistake at the start put nothing in force until they are corrected', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), 'kind: [');
    const { files, sets, look } = rig(path);
    await files.start();
    expect(sets).toEqual([]);
    expect(files.refused()).toContain('a.yaml');
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    await look();
    expect(sets).toEqual(['a']);
  });

  it('of a ConfigMap are taken when the kubelet swaps ..data', async () => {
    const path = tempDir();
    const version = (name: string, rule: string) => {
      mkdirSync(join(path, name));
      writeFileSync(join(path, name, 'rules.yaml'), ruleText(rule));
    };
    version('..2026_01', 'first');
    symlinkSync('..2026_01', join(path, '..data'));
    symlinkSync('..data/rules.yaml', join(path, 'rules.yaml'));
    const { files, sets, look } = rig(path);
    await files.start();
    version('..2026_02', 'other');
    symlinkSync('..2026_02', join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
    rmSync(join(path, '..2026_01'), { recursive: true });
    await look();
    expect(sets).toEqual(['first', 'other']);
  });

  it('of a ConfigMap are taken when the swapped version has the same size and times', async () => {
    const path = tempDir();
    for (const [name, rule] of [
      ['..1', 'first'],
      ['..2', 'other'],
    ] as const) {
      mkdirSync(join(path, name));
      writeFileSync(join(path, name, 'rules.yaml'), ruleText(rule));
      utimesSync(join(path, name, 'rules.yaml'), 1, 1);
    }
    symlinkSync('..1', join(path, '..data'));
    symlinkSync('..data/rules.yaml', join(path, 'rules.yaml'));
    const { files, sets, look } = rig(path);
    await files.start();
    symlinkSync('..2', join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
    await look();
    expect(sets).toEqual(['first', 'other']);
  });

  it('whose directory is deleted stay in force, refused; and are taken when it is back', async () => {
    const path = join(tempDir(), 'rules');
    mkdirSync(path);
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const { files, sets, look } = rig(path);
    await files.start();
    rmSync(path, { recursive: true });
    await look();
    expect(files.refused()).toContain(path);
    expect(sets).toEqual(['a']);
    mkdirSync(path);
    writeFileSync(join(path, 'b.yaml'), ruleText('b'));
    await look();
    expect(sets).toEqual(['a', 'b']);
    expect(files.refused()).toBeUndefined();
  });

  it('are seen to change beside a link that leads nowhere, as editors leave them', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    symlinkSync('user@host.1234', join(path, '.#a.yaml'));
    const { files, sets, look } = rig(path);
    await files.start();
    expect(sets).toEqual(['a']);
    writeFileSync(join(path, 'a.yaml'), ruleText('changed'));
    await look();
    expect(sets).toEqual(['a', 'changed']);
  });

  it('are seen to change beside a file that cannot be looked at', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), 'kind: [');
    symlinkSync('loop.yaml', join(path, 'loop.yaml'));
    const { files, refusals, look } = rig(path);
    await files.start();
    writeFileSync(join(path, 'a.yaml'), ruleText('a', 'wen: {}'));
    await look();
    expect(refusals).toHaveLength(2);
  });

  it('are tried again when they could not be put in force', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const one = rig(path);
    await one.files.start();
    const onSet = one.onSet;
    one.onSet = () => {
      throw new Error('database or disk is full');
    };
    writeFileSync(join(path, 'a.yaml'), ruleText('changed'));
    await one.look();
    expect(one.lines).toMatchObject([{ level: 'error', event: 'rules-not-taken' }]);
    one.onSet = onSet;
    await one.look();
    expect(one.sets).toEqual(['a', 'changed']);
  });

  it('that cannot be put in force at the start fail the start', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const one = rig(path);
    one.onSet = () => {
      throw new Error('database or disk is full');
    };
    await expect(one.files.start()).rejects.toThrow('disk is full');
  });

  it('change nothing after a stop, even when a look was under way', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'a.yaml'), ruleText('a'));
    const { clock, files, sets } = rig(path);
    await files.start();
    writeFileSync(join(path, 'a.yaml'), ruleText('changed'));
    const passing = clock.advance(1_000);
    files.stop();
    await passing;
    await files.settled();
    chmodSync(path, 0o700);
    expect(sets).toEqual(['a']);
    expect(clock.waiting()).toBe(0);
  });
});
