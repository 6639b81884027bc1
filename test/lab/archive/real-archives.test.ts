import { copyFileSync, readdirSync, readFileSync, symlinkSync, truncateSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Archives, createArchives, verifyArchive } from '../../../src/archive/index.ts';
import { verifyFile } from '../../../src/archive/verify.ts';
import { silentLogger, systemClock } from '../../../src/base/index.ts';
import { createRetention } from '../../../src/retention/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { captureRequest } from '../../support/capture-request.ts';
import { fireOn } from '../../support/decisions.ts';
import {
  askKubeletForCheckpoint,
  checkpointctl,
  deletePod,
  labInfo,
  nodeOf,
  podLogs,
  type RunningContainer,
  startWorkPod,
  waitFor,
} from '../lib/index.ts';
import { emptyCheckpoints } from '../rig/index.ts';

/** A thread beside the main one, two children, and one that died and was never waited for. */
const FAMILY = 'sleep 1 & sleep 9999 & sleep 9999 & exec hog 500 64 0 --gaps';

describe('archives of a real containerd', () => {
  const lab = labInfo();
  const node = nodeOf(lab);
  const directory = node.checkpointsDir;
  const pod = 'archived';
  let running: RunningContainer;
  let archives: Archives;

  const checkpoint = async (): Promise<string> => {
    const reply = await askKubeletForCheckpoint(node, { pod });
    expect(reply).toMatchObject({ status: 200 });
    return (JSON.parse(reply.body) as { items: [string] }).items[0];
  };
  const keep = (path: string, startedAtMs: number) => {
    const target = {
      namespace: 'default',
      pod,
      podUid: running.pod.metadata.uid,
      container: 'work',
      containerId: running.id,
    };
    const decisions = [fireOn(target, { rule: 'nightly', retainClass: 'nightly' })];
    const timings = { startedAtMs, queuedMs: 0, guardMs: 0, checkpointMs: 0 };
    const trigger = { id: `trigger-${startedAtMs}`, target, acceptedMs: startedAtMs, decisions };
    return archives.keep(captureRequest(path, { trigger, timings }));
  };

  beforeAll(() => emptyCheckpoints(node));

  afterAll(() => deletePod(pod));

  test('with threads, children and a zombie are complete, and other tools agree', async () => {
    running = await startWorkPod({ name: pod, command: ['sh', '-c', FAMILY] });
    await waitFor('the memory', async () => /^tick 2$/m.test(await podLogs(pod)));
    archives = createArchives({ directory, store: openStore(':memory:'), clock: systemClock });
    await archives.start();
    const startedAtMs = Date.now();
    const path = await checkpoint();
    const kept = await keep(path, startedAtMs);
    expect(kept).toMatchObject({
      kind: 'kept',
      record: {
        archive: basename(path),
        pod,
        container: 'work',
        containerId: running.id,
        podUid: running.pod.metadata.uid,
        image: 'lab.local/work:1',
        engine: 'containerd',
        verified: 'complete',
        processes: 4,
        timings: { criuFrozenMs: expect.any(Number) },
      },
      facts: { threads: 5 },
    });
    if (kept.kind !== 'kept') return;
    expect(kept.record.pagesBytes).toBeGreaterThan(64 * 2 ** 20);
    expect(await verifyArchive(path)).toMatchObject({ record: { kind: 'matches' } });
    const list = await checkpointctl(['list', directory]);
    expect(list).toContain(pod);
    expect(list).not.toMatch(/error/i);
    expect(await checkpointctl(['show', path])).toContain(pod);
    expect(await checkpointctl(['inspect', path, '--ps-tree'])).toContain('hog');
  });

  test('are broken at whatever length they are cut to', async () => {
    const [entry] = archives.catalog.list();
    if (!entry) throw new Error('no archive');
    const cut = join(directory, 'checkpoint-cut.tar');
    for (const share of [0.999, 0.9, 0.5, 0.1, 0.001]) {
      copyFileSync(join(directory, entry.name), cut);
      truncateSync(cut, Math.floor(entry.bytes * share));
      expect((await verifyFile(cut)).verification.kind).toBe('broken');
    }
    truncateSync(cut, entry.bytes - 512);
    expect((await verifyFile(cut)).verification.kind).toBe('broken');
  });

  test('are rotated: the newest three stay, and nothing else is touched', async () => {
    symlinkSync('checkpoint-cut.tar', join(directory, 'checkpoint-link.tar'));
    const names: string[] = [];
    for (let n = 0; n < 4; n++) {
      const startedAtMs = Date.now();
      const path = await checkpoint();
      names.push(basename(path));
      expect((await keep(path, startedAtMs)).kind).toBe('kept');
      // The kubelet names archives by the second: two within one would be one file.
      await waitFor('the next second', async () => Date.now() - startedAtMs > 1_100);
    }
    const byHand = await checkpoint();
    const retention = createRetention({
      archives,
      clock: systemClock,
      log: silentLogger,
      policies: [
        {
          name: 'nightly',
          classes: ['nightly'],
          groupBy: ['namespace', 'owner', 'container'],
          keep: { last: 3 },
          limits: {},
          minKeep: 1,
          cron: '@daily',
          timeZone: 'UTC',
        },
      ],
    });
    const report = await retention.runOnce('manual');
    expect(report.results.map(({ kind }) => kind)).toEqual(['removed', 'removed']);
    const left = readdirSync(directory).filter((name) => name.endsWith('.tar'));
    const expected = [
      ...names.slice(-3),
      basename(byHand),
      'checkpoint-cut.tar',
      'checkpoint-link.tar',
    ];
    expect(left.sort()).toEqual(expected.sort());
    expect(readdirSync(join(directory, '.stillpoint/records'))).toHaveLength(3);
    const record = readFileSync(join(directory, `.stillpoint/records/${names[3]}.json`), 'utf8');
    expect(JSON.parse(record)).toMatchObject({ archive: names[3], retainClass: 'nightly' });
  });
});
