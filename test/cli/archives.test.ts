import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createArchives } from '../../src/archive/index.ts';
import { openStore } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { tar } from '../support/tar-writer.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { CONTROL, rowsOf, run } from './rig.ts';

const tempDir = useTempDirs();
const OURS = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar';
const FOREIGN = 'checkpoint-by-hand_shop-app-2026-01-01T00:00:00Z.tar';
const CUT = 'checkpoint-cut_shop-app-2026-01-01T00:00:00Z.tar';

/** One archive with its record, one by hand, one that is cut off, and things that are none. */
let dir: string;
let model: string;
beforeAll(async () => {
  model = mkdtempSync(join(tmpdir(), 'stillpoint-archives-'));
  await fill(model);
});
afterAll(() => rmSync(model, { recursive: true }));
beforeEach(() => {
  dir = tempDir();
  cpSync(model, dir, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
});

async function fill(directory: string): Promise<void> {
  const archives = createArchives({
    directory,
    store: openStore(':memory:'),
    clock: createFakeClock(),
  });
  await archives.start();
  writeFileSync(join(directory, OURS), checkpointTar());
  await archives.keep(captureRequest(join(directory, OURS)));
  writeFileSync(join(directory, FOREIGN), checkpointTar());
  writeFileSync(join(directory, CUT), checkpointTar().subarray(0, 4_000));
  writeFileSync(join(directory, 'notes.txt'), 'mine');
  symlinkSync(
    join(directory, FOREIGN),
    join(directory, 'checkpoint-link_shop-app-2026-01-01T00:00:00Z.tar'),
  );
}

describe('stillpoint archives list', () => {
  it('shows ours with what caused them, and foreign ones; no links, no other files', async () => {
    const { code, out } = await run('archives', 'list', '--dir', dir);
    expect(code).toBe(0);
    const rows = rowsOf(out);
    expect(rows[0]).toContain('STANDING');
    const ours = rows.find(([name]) => name === OURS);
    expect(ours).toEqual(expect.arrayContaining(['shop/cart-7d9f', 'app', 'oom-nearing', 'crash']));
    expect(ours?.at(-1)).toBe('complete');
    const others = rows.slice(1).filter(([name]) => name !== OURS);
    expect(others.map((row) => [row[0], row.at(-1)])).toEqual(
      expect.arrayContaining([
        [FOREIGN, 'foreign'],
        [CUT, 'foreign'],
      ]),
    );
    expect(rows).toHaveLength(4);
  });

  it('is the same for machines', async () => {
    const { code, out } = await run('archives', 'list', '--dir', dir, '-o', 'json');
    expect(code).toBe(0);
    const entries = JSON.parse(out) as { name: string; standing: { kind: string } }[];
    expect(entries.find(({ name }) => name === OURS)).toMatchObject({
      standing: { kind: 'recorded', record: { rules: ['oom-nearing'], backend: 'cri' } },
    });
    const yaml = await run('archives', 'list', '--dir', dir, '-o', 'yaml');
    expect(yaml.out).toContain(`- name: ${OURS}`);
  });

  it('says that there are none', async () => {
    const { code, out } = await run('archives', 'list', '--dir', tempDir());
    expect([code, out]).toEqual([0, 'no archives\n']);
  });

  it('ends with 4 when there is no such directory', async () => {
    const { code, err } = await run('archives', 'list', '--dir', join(dir, 'none'));
    expect(code).toBe(4);
    expect(err).toContain(join(dir, 'none'));
  });

  it('makes what is in names and records visible', async () => {
    const record = join(dir, '.stillpoint', 'records', `${OURS}.json`);
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(record, 'utf8').replace('"crash"', '"cr\\u001b[2Jash"');
    writeFileSync(record, text);
    const { out } = await run('archives', 'list', '--dir', dir);
    expect(out).not.toMatch(CONTROL);
    const shown = await run('archives', 'show', OURS, '--dir', dir);
    expect(shown.out).not.toMatch(CONTROL);
    expect(`${out}${shown.out}`).toContain('\\x1b[2J');
  });
});

describe('stillpoint archives show', () => {
  it('tells what it holds, and why it was made', async () => {
    const { code, out } = await run('archives', 'show', OURS, '--dir', dir);
    expect(code).toBe(0);
    const fields = Object.fromEntries(rowsOf(out).map(([name, value]) => [name, value]));
    expect(fields).toMatchObject({
      archive: OURS,
      complete: 'yes',
      record: 'matches',
      pod: 'shop/cart-7d9f',
      container: 'app',
      through: 'cri (rule asks for cri)',
      'stood still': '300ms',
      class: 'crash',
      trigger: 'trigger-1',
    });
    expect(out).toMatch(/causes\n.*rule oom-nearing/);
  });

  it('takes a path, too, and shows what has no record', async () => {
    const { code, out } = await run('archives', 'show', join(dir, FOREIGN));
    expect(code).toBe(0);
    expect(out).toMatch(/record +none/);
    expect(out).toMatch(/complete +yes/);
  });

  it('names what is wrong with a broken one', async () => {
    const { code, out } = await run('archives', 'show', CUT, '--dir', dir);
    expect(code).toBe(0);
    expect(out).toMatch(/complete +no: /);
  });

  it('is the same for machines', async () => {
    const { out } = await run('archives', 'show', OURS, '--dir', dir, '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      archive: OURS,
      verification: { kind: 'complete' },
      record: { kind: 'matches', record: { trigger: { id: 'trigger-1' } } },
    });
  });

  it.each<[string, string, number]>([
    ['that is not there', 'checkpoint-none.tar', 4],
    ['that is a link', 'checkpoint-link_shop-app-2026-01-01T00:00:00Z.tar', 2],
    ['that is a directory', '.stillpoint/', 2],
  ])('refuses one %s', async (_, name, expected) => {
    const path = name.endsWith('/') ? join(dir, name) : name;
    const { code, out } = await run('archives', 'show', path, '--dir', dir);
    expect([code, out]).toEqual([expected, '']);
  });

  it('makes the names of hostile members visible', async () => {
    const name = 'checkpoint-evil_shop-app-2026-01-01T00:00:00Z.tar';
    writeFileSync(join(dir, name), tar({ name: '../\u001b[2Jevil', data: 'x' }));
    for (const command of ['show', 'verify']) {
      const { out } = await run('archives', command, name, '--dir', dir);
      expect(out).not.toMatch(CONTROL);
    }
  });
});

describe('stillpoint archives verify', () => {
  it('proves all that have a record, and ends with 0', async () => {
    const { code, out } = await run('archives', 'verify', '--dir', dir);
    expect(code).toBe(0);
    expect(rowsOf(out).slice(1)).toEqual([[OURS, 'complete', 'matches']]);
  });

  it('proves a foreign one that is named: complete, without a record', async () => {
    const { code, out } = await run('archives', 'verify', FOREIGN, '--dir', dir);
    expect(code).toBe(0);
    expect(rowsOf(out).slice(1)).toEqual([[FOREIGN, 'complete', 'none']]);
  });

  it('ends with 5 when one of many is broken, and names what is wrong', async () => {
    const { code, out } = await run('archives', 'verify', OURS, CUT, '--dir', dir);
    expect(code).toBe(5);
    const [, ours, cut] = rowsOf(out);
    expect(ours?.slice(1)).toEqual(['complete', 'matches']);
    expect(cut?.slice(0, 2)).toEqual([CUT, 'broken']);
    expect(cut?.[3]).toMatch(/\w+/);
  });

  it('ends with 5 when an archive was changed after it was recorded', async () => {
    appendFileSync(join(dir, OURS), Buffer.alloc(10_240));
    const { code, out } = await run('archives', 'verify', '--dir', dir, '-o', 'json');
    expect(code).toBe(5);
    expect(JSON.parse(out)).toMatchObject([{ record: { kind: 'differs' } }]);
  });

  it('ends with 5 when the record cannot be read', async () => {
    writeFileSync(join(dir, '.stillpoint', 'records', `${OURS}.json`), '{');
    const { code, out } = await run('archives', 'verify', '--dir', dir);
    expect(code).toBe(5);
    expect(out).toContain('broken');
  });

  it('says that there is nothing of ours', async () => {
    const empty = join(dir, 'empty');
    mkdirSync(empty);
    const { code, out } = await run('archives', 'verify', '--dir', empty);
    expect([code, out]).toEqual([0, 'no archives of ours\n']);
  });

  it('proves the others when one cannot be read', async () => {
    const argv = ['archives', 'verify', 'none.tar', OURS, '--dir', dir];
    const { code, out } = await run(...argv);
    expect(code).toBe(4);
    const [, none, ours] = rowsOf(out);
    expect(none?.slice(0, 2)).toEqual(['none.tar', 'unread']);
    expect(ours).toEqual([OURS, 'complete', 'matches']);
    expect((await run(...argv, CUT)).code).toBe(5);
    expect(JSON.parse((await run(...argv, '-o', 'json')).out)).toMatchObject([
      { archive: 'none.tar', error: { code: 'not-found', hint: expect.any(String) } },
      { archive: OURS, verification: { kind: 'complete' } },
    ]);
  });

  it('ends with 4 for one that is not there', async () => {
    const name = 'checkpoint-\u001b[2Jnone.tar';
    const { code, out } = await run('archives', 'verify', name, '--dir', dir);
    expect(code).toBe(4);
    expect(out).not.toMatch(CONTROL);
  });
});
