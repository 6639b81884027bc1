import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  carryState,
  createDenyList,
  createRulesCore,
  prepareWhere,
  quietCounts,
  restoreState,
  saveState,
} from '../../../src/rules/index.ts';
import {
  alert,
  type Bench,
  benchOf,
  brief,
  event,
  id,
  memory,
  pod,
  podChanged,
  rulesOf,
  running,
  tick,
} from '../support/bench.ts';

beforeAll(prepareWhere);

const PAYMENTS = `'pod.annotations["example.com/team"] == "payments"'`;
const ofTeam = (team?: string) => pod({ annotations: team ? { 'example.com/team': team } : {} });

function spec(when: string, where: string): string {
  return `when: { ${when} }\ntarget: {}\nwhere: ${where}\nlimits: { cooldown: 0s }`;
}

function benchWith(when: string, where: string, fact = pod()): Bench {
  const bench = benchOf({ rule: spec(when, where) });
  bench.at(0, podChanged(fact, true));
  return bench;
}

function quiet(bench: Bench) {
  return quietCounts(bench.state).map(({ reason, count }) => `${reason} ${count}`);
}

describe('where', () => {
  it('lets through what it holds for, and stands in the trail', () => {
    const bench = benchWith('event: { reason: Unhealthy }', PAYMENTS, ofTeam('payments'));
    const [fired] = bench.at(1, event());
    expect(fired?.reason).toBe('fired');
    expect(fired?.trail).toContainEqual({
      part: 'where',
      holds: true,
      saw: 'true',
      wants: PAYMENTS.slice(1, -1),
    });
  });

  it.each([['shipping'], [undefined]])(
    'counts quietly what it does not hold for: team %s',
    (team) => {
      const bench = benchWith('event: { reason: Unhealthy }', PAYMENTS, ofTeam(team));
      expect(bench.at(1, event())).toEqual([]);
      expect(quiet(bench)).toEqual(['where-false 1']);
    },
  );

  it('keeps what is not meant out of the window', () => {
    const bench = benchWith(
      'event: { reason: Unhealthy, atLeast: 2 }',
      `'signal.message.contains("500")'`,
    );
    const other = event({ message: 'Liveness probe failed: timeout' });
    expect(bench.at(1, event()).map(brief)).toEqual(['window-open rule shop/cart/app']);
    expect(bench.at(2, other)).toEqual([]);
    expect(bench.at(3, event()).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('that cannot be evaluated says so, with why, and fires nothing', () => {
    const bench = benchWith(
      'alert: { shape: falco, match: [{ field: rule, exists: true }] }',
      `'signal.fields["n"] > 3'`,
    );
    const [told] = bench.at(1, alert({ fields: { rule: 'r', n: 'many' } }));
    expect(told).toMatchObject({
      verdict: 'suppress',
      reason: 'where-error',
      detail: expect.stringContaining('overload'),
    });
    expect(told?.trail.at(-1)).toMatchObject({ part: 'where', holds: false });
    expect(bench.at(2, alert({ fields: { rule: 'r', n: 4 } })).map(brief)).toEqual([
      'fired rule shop/cart/app',
    ]);
  });

  it('of a memory rule waits for a sample that it holds for', () => {
    const bench = benchWith('memory: { above: 85% }', `'signal.growthBytesPerSecond > 1000.0'`);
    expect(bench.at(1, memory(0.9))).toEqual([]);
    expect(bench.at(2, memory(0.9, { growthBytesPerSecond: 5_000 })).map(brief)).toEqual([
      'fired rule shop/cart/app',
    ]);
    expect(quiet(bench)).toEqual(['where-false 1']);
  });

  it('of a memory rule starts its time anew when it stops to hold', () => {
    const bench = benchWith(
      'memory: { above: 85%, for: 10s }',
      `'signal.growthBytesPerSecond > 0.0'`,
    );
    const growing = memory(0.9, { growthBytesPerSecond: 1 });
    bench.at(0, growing);
    bench.at(5_000, memory(0.9));
    bench.at(6_000, growing);
    expect(bench.at(12_000, growing)).toEqual([]);
    expect(bench.at(16_000, growing).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('of a memory rule that cannot be evaluated is told once a life', () => {
    const bench = benchWith('memory: { above: 85% }', `'100 / (container.restartCount - 1) > 0'`);
    const once = pod({ containers: [running('app', { restartCount: 1 })] });
    bench.at(1, podChanged(once));
    expect(bench.at(2, memory(0.9)).map(brief)).toEqual(['where-error rule shop/cart/app']);
    expect(bench.at(3, memory(0.95))).toEqual([]);
  });

  it('of a schedule chooses containers', () => {
    const bench = benchWith('schedule: { cron: "0 2 * * *" }', `'container.name == "web"'`);
    const containers = [running('app'), running('web', { containerId: id('bb') })];
    bench.at(1, podChanged(pod({ containers })));
    expect(bench.at(2, tick('rule')).map(brief)).toEqual(['fired rule shop/cart/web']);
  });

  it('of a crash loop counts only the failures that it holds for', () => {
    const bench = benchWith('crashLoop: { restarts: 2, within: 10m }', `'signal.exitCode == 137'`);
    const failed = (restartCount: number, exitCode: number) =>
      podChanged(
        pod({
          containers: [
            running('app', {
              restartCount,
              lastEnd: {
                reason: 'Error',
                exitCode,
                finishedAtMs: Date.UTC(2026, 0, 1) + restartCount,
              },
            }),
          ],
        }),
      );
    expect(bench.at(1_000, failed(1, 1))).toEqual([]);
    expect(bench.at(2_000, failed(2, 137)).map(brief)).toEqual(['window-open rule shop/cart/app']);
    expect(bench.at(3_000, failed(3, 137)).map(brief)).toEqual(['armed rule shop/cart/app']);
  });
});

describe('the state of a rule with where', () => {
  const bench = () => benchWith('memory: { above: 85% }', PAYMENTS, ofTeam('payments'));

  it('keeps the annotations that the expression names over a restart, and no others', () => {
    const before = bench();
    const annotations = {
      'example.com/team': 'payments',
      'kubectl/last-applied': 'x'.repeat(9_000),
    };
    before.at(1, podChanged(pod({ annotations })));
    const saved = JSON.parse(JSON.stringify(saveState(before.core, before.state)));
    expect(saved.pods[0].fact.annotations).toEqual({ 'example.com/team': 'payments' });
    before.state = restoreState(before.core, saved);
    expect(before.at(2, memory(0.9)).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it.each([
    ['a key that is made when it is asked', 'pod.annotations[container.name] == "yes"', 2],
    ['a key that is escaped', 'pod.annotations["\\u0061pp"] == "yes"', 1],
    ['how many there are', 'size(pod.annotations) == 2', 2],
    ['a key among others', '["app", "web"].exists(one, one in pod.annotations)', 2],
    ['a key after the dot', 'has(pod.annotations.app) && pod.annotations.app == "yes"', 1],
    ['a pod by another name', '[pod].exists(one, one.annotations["app"] == "yes")', 1],
  ])('keeps what is needed of the annotations for %s', (_, expression, kept) => {
    const before = benchWith('memory: { above: 85% }', `'${expression}'`);
    before.at(1, podChanged(pod({ annotations: { app: 'yes', other: 'x' } })));
    const saved = JSON.parse(JSON.stringify(saveState(before.core, before.state)));
    expect(Object.keys(saved.pods[0].fact.annotations)).toHaveLength(kept);
    before.state = restoreState(before.core, saved);
    expect(before.at(2, memory(0.9)).map(brief)).toEqual(['fired rule shop/cart/app']);
  });

  it('is dropped when the expression changes', () => {
    const before = bench();
    before.at(1, memory(0.9));
    const options = { nodeName: 'node-1', denyList: createDenyList({}) };
    const again = (where: string) => {
      const core = createRulesCore(
        rulesOf({ rule: spec('memory: { above: 85% }', where) }),
        options,
      );
      return Object.assign(before, { core, state: carryState(before.core, core, before.state) });
    };
    expect(again(PAYMENTS).at(2, memory(0.9))).toEqual([]);
    expect(again("'true'").at(3, memory(0.9)).map(brief)).toEqual(['fired rule shop/cart/app']);
  });
});
