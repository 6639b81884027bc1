import { mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRecorder, type RecorderOptions } from '../../src/agent/recorder.ts';
import { createRandom } from '../../src/base/index.ts';
import {
  carryState,
  createReplay,
  createRulesState,
  type Decision,
  noteRefused,
  type RecordedRule,
  type ReplayResult,
  type RulesCore,
  type RulesState,
  readEntry,
  step,
} from '../../src/rules/index.ts';
import type { Signal } from '../../src/signal/index.ts';
import { alert, benchOf, event, pod, podChanged, START_MS } from '../rules/support/bench.ts';
import { documentsOf } from '../rules/support/documents.ts';
import { randomStream, streamRules } from '../rules/support/random-stream.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const MIB = 1_048_576;
const tempDir = useTempDirs();

function coreOf(specs: Record<string, string>) {
  return { core: benchOf(specs).core, documents: documentsOf(specs) };
}

function rig(specs: Record<string, string>, more: Partial<RecorderOptions['record']> = {}) {
  const clock = createFakeClock(START_MS);
  const path = join(tempDir(), 'state', 'recording.ndjson');
  const { log, lines } = createRecordingLog();
  const made: Decision[] = [];
  const now: { core: RulesCore; state: RulesState; documents: readonly RecordedRule[] } = {
    ...coreOf(specs),
    state: createRulesState(),
  };
  const recorder = createRecorder({
    record: { path, maxBytes: 64 * MIB, redact: false, ...more },
    redact: { fields: ['*token*'], patterns: [] },
    rules: () => now.documents,
    clock,
    random: createRandom(7),
    log,
  });
  recorder.state('begin', now.core, now.state);
  return {
    clock,
    path,
    made,
    recorder,
    lines,
    now,
    at(ms: number, signal: Signal) {
      clock.setWall(START_MS + ms);
      const nowMs = START_MS + ms;
      const { decisions } = step(now.core, now.state, signal, nowMs);
      recorder.signal(now.core, signal, nowMs, decisions);
      made.push(...decisions);
      return decisions;
    },
    reload(other: Record<string, string>) {
      const { core, documents } = coreOf(other);
      now.state = carryState(now.core, core, now.state);
      now.core = core;
      now.documents = documents;
      recorder.state('rules', core, now.state);
    },
  };
}

function replayOf(...paths: string[]): ReplayResult {
  const replay = createReplay();
  for (const path of paths) {
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    for (const line of lines) replay.take(readEntry(line));
  }
  return replay.result();
}

describe('a recording', () => {
  it.each([1, 2, 3])(
    'of a random stream with refusals and a reload gives the same decisions again (seed %d)',
    async (seed) => {
      const random = createRandom(seed);
      const { at, made, now, recorder, reload, path } = rig(streamRules);
      const stream = randomStream(random, 3_000);
      for (const [index, { ms, signal }] of stream.entries()) {
        for (const { rule, target, reason, verdict } of at(ms, signal)) {
          if (verdict !== 'fire' || !target || random.next() < 0.5) continue;
          const refused = { rule, target, reason: 'disk-low' } as const;
          noteRefused(now.core, now.state, refused, START_MS + ms);
          recorder.refused(refused, START_MS + ms);
          expect(reason).toBe('fired');
        }
        if (index === 1_500) {
          const { oom: _oom, ...others } = streamRules;
          reload({ ...others, live: 'when: { event: { reason: Unhealthy } }\ntarget: {}' });
        }
      }
      await recorder.stop();
      const result = replayOf(path);
      expect(result.differences).toEqual([]);
      expect(result.equal).toBe(made.length);
      expect(made.length).toBeGreaterThan(500);
      expect(result).toMatchObject({ signals: stream.length, gaps: [], leftOut: 0 });
    },
  );

  it('is rotated within its bound; each file and both together replay alike', async () => {
    const { at, clock, made, recorder, path } = rig(streamRules, { maxBytes: 400_000 });
    const stream = randomStream(createRandom(4), 3_000);
    for (const [index, { ms, signal }] of stream.entries()) {
      at(ms, signal);
      if (index % 25 !== 0) continue;
      await clock.advance(250);
      await recorder.settled();
    }
    await recorder.stop();
    expect(statSync(path).size + statSync(`${path}.1`).size).toBeLessThan(400_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const paths of [[`${path}.1`, path], [path], [`${path}.1`]]) {
      const result = replayOf(...paths);
      expect(result.differences).toEqual([]);
      expect(result.equal).toBeGreaterThan(20);
      expect(result.equal).toBeLessThan(made.length);
      expect(result.gaps).toEqual([]);
    }
  });

  it('counts what could not be written, tries again, and tells the state anew', async () => {
    const { at, clock, recorder, path, lines } = rig(streamRules);
    mkdirSync(path, { recursive: true });
    mkdirSync(join(`${path}.1`, 'in-the-way'), { recursive: true });
    at(0, podChanged(pod(), true));
    await clock.advance(250);
    await recorder.settled();
    expect(recorder.status()).toMatchObject({ state: 'failing', dropped: 2 });
    expect(lines).toMatchObject([{ level: 'error', event: 'recording-not-written' }]);
    rmdirSync(path);
    at(10, event());
    await clock.advance(6_000);
    await recorder.settled();
    expect(recorder.status()).toMatchObject({ state: 'writing', dropped: 3 });
    at(7_000, event());
    await recorder.stop();
    const result = replayOf(path);
    expect(result).toMatchObject({ signals: 1, differences: [] });
    expect(result.gaps).toMatchObject([{ dropped: 3 }]);
  });

  it('holds no secret when it is redacted, and the values as they came when it is not', async () => {
    for (const redact of [true, false]) {
      const { at, recorder, path } = rig(streamRules, { redact });
      at(0, podChanged(pod({ annotations: { manifest: 'password=hunter2' } }), true));
      at(1, event({ message: 'Authorization: Bearer abcdefghijk' }));
      at(2, alert({ fields: { priority: 'Critical', 'user.token': 'hunter3' } }));
      await recorder.stop();
      const text = readFileSync(path, 'utf8');
      for (const secret of ['hunter2', 'abcdefghijk', 'hunter3']) {
        expect([secret, text.includes(secret)]).toEqual([secret, !redact]);
      }
      expect(replayOf(path)).toMatchObject({ differences: [], redacted: redact });
    }
  });

  it('stops, and says so, where the state alone would fill it', () => {
    const { recorder } = rig(streamRules, { maxBytes: 1_000 });
    expect(recorder.status()).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/maxBytes/),
    });
  });
});
