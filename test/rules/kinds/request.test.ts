import { describe, expect, it } from '@jest/globals';
import {
  carryState,
  createRulesCore,
  quietCounts,
  restoreState,
  saveState,
} from '../../../src/rules/index.ts';
import type { PodFact, Signal } from '../../../src/signal/index.ts';
import {
  type Bench,
  benchOf,
  brief,
  id,
  pod,
  podChanged,
  request,
  rulesOf,
  running,
  waiting,
} from '../support/bench.ts';

const spec =
  'when: { request: { from: [annotation] } }\ntarget: { namespaces: [shop] }\nlimits: { cooldown: 0s }';

function asking(
  token: string | undefined,
  { initial = false, ...more }: Partial<PodFact> & { initial?: boolean } = {},
) {
  const annotations: Record<string, string> = {};
  if (token !== undefined) annotations['stillpoint.dev/capture'] = token;
  return podChanged(pod({ ...more, annotations }), initial);
}

function startOf(text = spec): Bench {
  const bench = benchOf({ ask: text });
  bench.at(0, podChanged(pod(), true));
  return bench;
}

function restart(bench: Bench): void {
  const saved = JSON.parse(JSON.stringify(saveState(bench.core, bench.state)));
  bench.state = restoreState(bench.core, saved);
}

describe('an annotation', () => {
  it('asks once for each new value, and again after it was taken away', () => {
    const bench = startOf();
    const [decision] = bench.at(1, asking('ticket-42'));
    expect(decision).toMatchObject({
      verdict: 'fire',
      rule: 'ask',
      detail: 'asked for by annotation: ticket-42',
      signal: { text: 'requested by the annotation stillpoint.dev/capture: ticket-42' },
    });
    expect(bench.at(2, asking('ticket-42', { phase: 'Unknown' }))).toEqual([]);
    expect(bench.at(3, asking('ticket-43')).map(brief)).toEqual(['fired ask shop/cart/app']);
    expect(bench.at(4, asking(undefined))).toEqual([]);
    expect(bench.at(5, asking('')).map(brief)).toEqual([]);
    expect(bench.at(6, asking('ticket-43')).map(brief)).toEqual(['fired ask shop/cart/app']);
  });

  it('that the pod came with asks for nothing', () => {
    const bench = startOf();
    const other = {
      name: 'b',
      uid: 'uid-b',
      containers: [running('app', { containerId: id('b') })],
    };
    expect(bench.at(1, asking('from-template', other))).toEqual([]);
    expect(bench.at(2, asking('from-template', other))).toEqual([]);
    expect(bench.at(3, asking('by-hand', other)).map(brief)).toEqual(['fired ask shop/b/app']);
  });

  it('asks for each container that is selected, and tells which does not run', () => {
    const bench = startOf();
    const containers = [running('app'), waiting('web', { containerId: id('bb') })];
    bench.at(1, podChanged(pod({ containers })));
    expect(bench.at(2, asking('x', { containers })).map(brief)).toEqual([
      'fired ask shop/cart/app',
      'not-running ask shop/cart/web',
    ]);
  });

  it('does not ask again after a restart, and is found if it came meanwhile', () => {
    const bench = startOf();
    bench.at(1, asking('one'));
    restart(bench);
    expect(bench.at(2, asking('one', { initial: true }))).toEqual([]);
    restart(bench);
    expect(bench.at(3, asking('two', { initial: true })).map(brief)).toEqual([
      'fired ask shop/cart/app',
    ]);
  });

  it('that an agent finds at its first start asks for nothing', () => {
    const bench = benchOf({ ask: spec });
    expect(bench.at(1, asking('old', { initial: true }))).toEqual([]);
    expect(bench.at(2, asking('old'))).toEqual([]);
    expect(bench.at(3, asking('new'))).toMatchObject([{ reason: 'fired' }]);
  });

  it('that was there before the rule asks for nothing', () => {
    const bench = benchOf({});
    bench.at(0, podChanged(pod(), true));
    bench.at(1, asking('old'));
    const core = createRulesCore(rulesOf({ ask: spec }), bench.core.options);
    const later = benchOf({ ask: spec });
    later.state = carryState(bench.core, core, bench.state);
    expect(later.at(2, asking('old', { phase: 'Unknown' }))).toEqual([]);
    expect(later.at(3, asking('new'))).toMatchObject([{ reason: 'fired' }]);
  });

  it('is honoured only where a rule reaches, and counts against its limits', () => {
    const bench = startOf(spec.replace('0s', '1m'));
    const bank = { namespace: 'bank', name: 'b', uid: 'uid-b' };
    bench.at(1, podChanged(pod(bank)));
    expect(bench.at(2, asking('x', bank))).toEqual([]);
    bench.at(3, asking('one'));
    expect(bench.at(4, asking('two')).map(brief)).toEqual(['cooldown ask shop/cart/app']);
    expect(quietCounts(bench.state)).toEqual([]);
    const byHandOnly = startOf(spec.replace('annotation', 'cli'));
    expect(byHandOnly.at(1, asking('x'))).toEqual([]);
  });

  it('is cut and redacted where it is told', () => {
    const [decision] = startOf().at(1, asking(`password=hunter2 ${'x'.repeat(10_000)}`));
    expect(JSON.stringify(decision)).not.toContain('hunter2');
    expect(JSON.stringify(decision).length).toBeLessThan(3_000);
  });
});

describe('a rule for requests by hand', () => {
  const settings =
    'when: { request: { from: [cli] } }\ntarget: { namespaces: [shop] }\ncapture: { via: kubelet, freeze: { max: 3s } }\nretain: { class: evidence }';

  it('says how they are captured and kept; a backend that was asked for stays', () => {
    const bench = startOf(settings);
    expect(bench.at(1, { ...request(), via: 'auto' } as Signal)).toMatchObject([
      {
        rule: 'request',
        reason: 'fired',
        retainClass: 'evidence',
        capture: { via: 'kubelet', freezeMsMax: 3_000 },
      },
    ]);
    expect(bench.at(2, request())).toMatchObject([{ capture: { via: 'cri' } }]);
  });

  it.each([
    ['does not reach the container', settings.replace('[shop]', '[bank]')],
    ['only observes', `${settings}\nmode: observe`],
    ['is for annotations alone', settings.replace('[cli]', '[annotation]')],
  ])('changes nothing when it %s', (_name, text) => {
    const [decision] = startOf(text).at(1, request());
    expect(decision).toMatchObject({ reason: 'fired', retainClass: 'request' });
  });
});
