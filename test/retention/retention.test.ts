import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Archives } from '../../src/archive/index.ts';
import {
  carryOut,
  createRetention,
  type RetentionPolicy,
  type RetentionReport,
} from '../../src/retention/index.ts';
import { addArchive, startedArchives } from '../support/archive-directory.ts';
import { recordOf } from '../support/archive-record.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

const keepTwo: RetentionPolicy = {
  name: 'crashes',
  classes: ['crash'],
  groupBy: ['namespace', 'owner', 'container'],
  keep: { last: 2 },
  limits: {},
  minKeep: 1,
  cron: '*/15 * * * *',
  timeZone: 'UTC',
};

async function setUp(policies: RetentionPolicy[] = [keepTwo]) {
  const clock = createFakeClock();
  const archives = await startedArchives(tempDir(), clock);
  const { log, lines } = createRecordingLog();
  const reports: RetentionReport[] = [];
  let onReport: (report: RetentionReport) => void = () => undefined;
  const retention = createRetention({
    archives,
    policies,
    clock,
    log,
    onReport: (report) => {
      reports.push(report);
      onReport(report);
    },
  });
  const nextReport = () =>
    new Promise<RetentionReport>((resolve) => {
      onReport = resolve;
    });
  return { clock, archives, retention, lines, reports, nextReport };
}

/** Four archives, the newest last. */
async function addFour(archives: Archives) {
  for (const n of [1, 2, 3, 4]) {
    await addArchive(archives, `checkpoint-${n}.tar`, { createdMs: n });
  }
}

const tars = (archives: Archives) =>
  readdirSync(archives.directory).filter((name) => name.endsWith('.tar'));
const recordFiles = (archives: Archives) => readdirSync(archives.records.paths.records);
const NEWEST = ['checkpoint-3.tar', 'checkpoint-4.tar'];

describe('a run', () => {
  it('leaves the newest of each group and touches nothing else in the directory', async () => {
    const { archives, retention, lines } = await setUp();
    await addFour(archives);
    await addArchive(archives, 'checkpoint-db.tar', { container: 'db', createdMs: 0 });
    writeFileSync(join(archives.directory, 'checkpoint-by-hand.tar'), 'foreign');
    utimesSync(join(archives.directory, 'checkpoint-by-hand.tar'), 1, 1);
    writeFileSync(join(archives.directory, 'notes.txt'), 'x');
    symlinkSync('checkpoint-1.tar', join(archives.directory, 'checkpoint-link.tar'));
    const report = await retention.runOnce('manual');
    expect(tars(archives)).toEqual([
      ...NEWEST,
      'checkpoint-by-hand.tar',
      'checkpoint-db.tar',
      'checkpoint-link.tar',
    ]);
    expect(existsSync(join(archives.directory, 'notes.txt'))).toBe(true);
    expect(recordFiles(archives)).toEqual(
      [...NEWEST, 'checkpoint-db.tar'].map((name) => `${name}.json`),
    );
    expect(readdirSync(archives.records.paths.removing)).toEqual([]);
    expect(
      archives.catalog
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...NEWEST, 'checkpoint-by-hand.tar', 'checkpoint-db.tar']);
    expect(report).toMatchObject({ removedBytes: 20, leftBytes: 37 });
    expect(lines.filter(({ event }) => event === 'archive-removed')).toHaveLength(2);
    expect(lines[0]?.fields).toMatchObject({
      archive: 'checkpoint-1.tar',
      policy: 'crashes',
      run: 'manual',
      reasons: [{ code: 'not-kept', detail: '3 newer in its group' }],
    });
  });

  it('dry, gives the same plan and removes nothing', async () => {
    const { archives, retention } = await setUp();
    await addFour(archives);
    const dry = await retention.runOnce('manual', { dryRun: true });
    expect(tars(archives)).toHaveLength(4);
    expect(dry.results.map(({ kind }) => kind)).toEqual(['would-remove', 'would-remove']);
    const real = await retention.runOnce('manual');
    expect(real.plan).toEqual(dry.plan);
    expect(tars(archives)).toEqual(NEWEST);
  });

  it('while another runs waits for it', async () => {
    const { archives, retention } = await setUp();
    await addFour(archives);
    const [first, second] = await Promise.all([
      retention.runOnce('after-capture'),
      retention.runOnce('manual'),
    ]);
    expect(first.results).toHaveLength(2);
    expect(second.results).toEqual([]);
  });

  it('asked to stop, stops between two archives', async () => {
    const { archives, retention } = await setUp();
    await addFour(archives);
    const report = await retention.runOnce('manual', { signal: AbortSignal.abort() });
    expect(report.results).toMatchObject([{ code: 'stopped' }, { code: 'stopped' }]);
    expect(tars(archives)).toHaveLength(4);
  });

  it('in a directory that is gone fails and says so; the next one works', async () => {
    const { archives, retention } = await setUp();
    const away = `${archives.directory}-away`;
    renameSync(archives.directory, away);
    await expect(retention.runOnce('manual')).rejects.toMatchObject({ code: 'not-found' });
    renameSync(away, archives.directory);
    expect((await retention.runOnce('manual')).results).toEqual([]);
  });
});

describe('in doubt nothing is removed', () => {
  it.each<[string, (archives: Archives) => void | Promise<void>, string]>([
    [
      'the record cannot be read',
      ({ records }) => writeFileSync(join(records.paths.records, 'checkpoint-1.tar.json'), '{'),
      'not-ours',
    ],
    [
      'the record is gone',
      ({ records }) => rmSync(join(records.paths.records, 'checkpoint-1.tar.json')),
      'not-ours',
    ],
    [
      'a hold was set since the plan',
      ({ records }) =>
        records.write(
          recordOf('checkpoint-1.tar', { createdMs: 1, hold: { reason: 'case', by: 'ana' } }),
        ),
      'changed',
    ],
    [
      'the file has grown',
      ({ directory }) => writeFileSync(join(directory, 'checkpoint-1.tar'), 'longer than it was'),
      'not-ours',
    ],
    [
      'the file was replaced by one of the same size',
      ({ directory }) => {
        rmSync(join(directory, 'checkpoint-1.tar'));
        writeFileSync(join(directory, 'checkpoint-1.tar'), 'abcdefghij');
      },
      'changed',
    ],
    [
      'a link lies in its place',
      ({ directory }) => {
        renameSync(join(directory, 'checkpoint-1.tar'), join(directory, 'moved'));
        symlinkSync('moved', join(directory, 'checkpoint-1.tar'));
      },
      'gone',
    ],
    [
      'a directory lies in its place',
      ({ directory }) => {
        rmSync(join(directory, 'checkpoint-1.tar'));
        mkdirSync(join(directory, 'checkpoint-1.tar'));
      },
      'gone',
    ],
  ])('%s', async (_name, disturb, code) => {
    const { archives } = await setUp();
    await addFour(archives);
    await archives.refresh();
    const planned = new Map(archives.catalog.list().map((entry) => [entry.name, entry]));
    await disturb(archives);
    const before = readdirSync(archives.directory).sort();
    const removal = { name: 'checkpoint-1.tar', bytes: 10, policy: 'crashes', reasons: [] };
    const results = await carryOut([removal], { archives, planned });
    expect(results).toMatchObject([{ kind: 'held-back', code, policy: 'crashes' }]);
    expect(readdirSync(archives.directory).sort()).toEqual(before);
  });

  it('a name that is no archive is not touched, even if it is planned', async () => {
    const { archives } = await setUp();
    const removal = { name: '../precious', bytes: 1, policy: 'crashes', reasons: [] };
    const results = await carryOut([removal], { archives, planned: new Map() });
    expect(results).toMatchObject([{ kind: 'held-back', code: 'changed' }]);
  });
});

describe('a removal that fails', () => {
  it('before the archive is unlinked brings the record back', async () => {
    const { archives } = await setUp();
    await addFour(archives);
    await archives.refresh();
    const planned = new Map(archives.catalog.list().map((entry) => [entry.name, entry]));
    const error = new Error('the disk is on fire');
    const records = {
      ...archives.records,
      async beginRemoval(name: string) {
        await archives.records.beginRemoval(name);
        rmSync(join(archives.directory, name));
        mkdirSync(join(archives.directory, name));
        planned.delete(name);
      },
    };
    const removal = { name: 'checkpoint-1.tar', bytes: 10, policy: 'crashes', reasons: [] };
    const results = await carryOut([removal], { archives: { ...archives, records }, planned });
    expect(results).toMatchObject([{ kind: 'held-back', code: 'changed' }]);
    expect((await archives.records.read('checkpoint-1.tar')).kind).toBe('sound');

    const failing = { ...archives.records, beginRemoval: () => Promise.reject(error) };
    const second = { ...removal, name: 'checkpoint-2.tar' };
    expect(
      await carryOut([second], { archives: { ...archives, records: failing }, planned }),
    ).toMatchObject([{ kind: 'failed', archive: 'kept', error }]);
    expect(existsSync(join(archives.directory, 'checkpoint-2.tar'))).toBe(true);
  });

  it('after the archive is unlinked is told as such, and the next start ends it', async () => {
    const { archives } = await setUp();
    await addFour(archives);
    await archives.refresh();
    const planned = new Map(archives.catalog.list().map((entry) => [entry.name, entry]));
    const records = { ...archives.records, endRemoval: () => Promise.reject(new Error('no')) };
    const removal = { name: 'checkpoint-1.tar', bytes: 10, policy: 'crashes', reasons: [] };
    const results = await carryOut([removal], { archives: { ...archives, records }, planned });
    expect(results).toMatchObject([{ kind: 'failed', archive: 'removed' }]);
    expect(archives.catalog.get('checkpoint-1.tar')).toBeUndefined();
    const { leftovers } = await archives.start();
    expect(leftovers).toMatchObject([{ code: 'removal-not-ended' }]);
    expect(readdirSync(archives.records.paths.removing)).toEqual([]);
  });
});

describe('on its cron', () => {
  const nightly: RetentionPolicy = {
    ...keepTwo,
    name: 'nightly',
    classes: ['nightly'],
    cron: '0 3 * * *',
  };

  it('each policy runs at its own time, alone', async () => {
    const { archives, retention, clock, nextReport, reports } = await setUp([keepTwo, nightly]);
    await addFour(archives);
    for (const n of [5, 6, 7]) {
      const more = { createdMs: n, retainClass: 'nightly' };
      await addArchive(archives, `checkpoint-${n}.tar`, more);
    }
    retention.start();
    const first = nextReport();
    await clock.advance(15 * 60_000);
    expect((await first).plan.remove.map(({ name }) => name)).toEqual([
      'checkpoint-1.tar',
      'checkpoint-2.tar',
    ]);
    expect(reports).toHaveLength(1);
    expect(tars(archives)).toContain('checkpoint-5.tar');
    await retention.stop();
    expect(clock.waiting()).toBe(0);
  });

  it('goes on after a clock that was set back', async () => {
    const { retention, clock, nextReport } = await setUp();
    retention.start();
    clock.setWall(clock.wallMs() - 10 * 86_400_000);
    const next = nextReport();
    await clock.advance(16 * 60_000);
    expect((await next).reason).toBe('cron');
    await retention.stop();
  });

  it('a failed run is logged, and the next comes', async () => {
    const { archives, retention, clock, lines, nextReport } = await setUp();
    const away = `${archives.directory}-away`;
    renameSync(archives.directory, away);
    retention.start();
    await clock.advance(15 * 60_000);
    // Runs go one after another: once this one is refused, that of the cron has ended too.
    await expect(retention.runOnce('manual')).rejects.toMatchObject({ code: 'not-found' });
    expect(lines.map(({ event }) => event)).toEqual(['retention-failed']);
    renameSync(away, archives.directory);
    const next = nextReport();
    await clock.advance(15 * 60_000);
    expect((await next).results).toEqual([]);
    await retention.stop();
  });

  it('new policies replace the old ones', async () => {
    const { retention, clock, reports, nextReport } = await setUp();
    retention.start();
    retention.setPolicies([{ ...keepTwo, cron: '30 * * * *' }]);
    await clock.advance(20 * 60_000);
    expect(reports).toEqual([]);
    const next = nextReport();
    await clock.advance(10 * 60_000);
    expect((await next).reason).toBe('cron');
    await retention.stop();
  });
});
