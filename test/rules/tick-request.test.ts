import { describe, expect, it } from '@jest/globals';
import { scheduleEntries } from '../../src/rules/index.ts';
import {
  benchOf,
  brief,
  id,
  pod,
  podChanged,
  request,
  running,
  START_MS,
  tick,
  waiting,
} from './support/bench.ts';

const nightly = 'when: { schedule: { cron: "0 2 * * *", timeZone: Europe/Berlin } }\ntarget: {}';

describe('a schedule rule', () => {
  it('decides for every running container that it selects, in the order of their names', () => {
    const bench = benchOf({ nightly });
    const web = pod({
      name: 'web',
      uid: 'uid-web',
      containers: [running('a'), waiting('b'), running('init', { type: 'init' })],
    });
    bench.at(0, podChanged(web, true));
    bench.at(0, podChanged(pod(), true));
    bench.at(0, podChanged(pod({ namespace: 'kube-system', name: 'dns', uid: 'uid-dns' }), true));
    expect(bench.at(10, tick('nightly')).map(brief)).toEqual([
      'denied nightly kube-system/dns/app',
      'fired nightly shop/cart/app',
      'fired nightly shop/web/a',
    ]);
  });

  it('says that nothing is there to capture', () => {
    expect(benchOf({ nightly }).at(0, tick('nightly'))).toMatchObject([
      { reason: 'not-selected', detail: 'no running container is selected' },
    ]);
  });

  it('passes over a tick of a rule that is gone', () => {
    expect(benchOf({ nightly }).at(0, tick('other'))).toEqual([]);
  });

  it('cools down', () => {
    const bench = benchOf({ nightly });
    bench.at(0, podChanged(pod(), true));
    bench.at(1, tick('nightly'));
    expect(bench.at(2, tick('nightly')).map(brief)).toEqual(['cooldown nightly shop/cart/app']);
  });

  it('gives its cron line to the schedule source', () => {
    expect(scheduleEntries(benchOf({ nightly }).core.rules)).toEqual([
      {
        rule: 'nightly',
        cron: '0 2 * * *',
        timeZone: 'Europe/Berlin',
        concurrency: 'Allow',
        startingDeadlineMs: 60_000,
        catchUp: 'none',
        jitterMs: 0,
        suspend: false,
      },
    ]);
  });
});

describe("a person's request", () => {
  function benchWith(...containers: ReturnType<typeof running>[]) {
    const bench = benchOf({});
    bench.at(0, podChanged(pod({ containers }), true));
    return bench;
  }

  it('fires with the backend that was asked for, and never cools down', () => {
    const bench = benchWith(running());
    const fired = {
      verdict: 'fire',
      reason: 'fired',
      rule: 'request',
      detail: 'asked for by cli uid 0',
      atMs: START_MS + 1,
      capture: { via: 'cri', timeoutMs: 600_000, freezeMsMax: 30_000 },
      retainClass: 'request',
      target: { containerId: id('aaaaaaaaaaaa') },
    };
    expect(bench.at(1, request())).toMatchObject([fired]);
    expect(bench.at(1, request())).toMatchObject([fired]);
  });

  const rows: [name: string, more: Parameters<typeof request>[0], expected: string][] = [
    ['an unknown pod', { pod: 'ghost' }, 'target-unknown request'],
    ['an unknown container', { container: 'ghost' }, 'target-unknown request'],
    ['one of several containers without a name', {}, 'target-ambiguous request'],
    ['a named container', { container: 'b' }, 'fired request shop/cart/b'],
    ['a container that does not run', { container: 'c' }, 'not-running request shop/cart/c'],
  ];
  it.each(rows)('for %s', (_name, more, expected) => {
    const bench = benchWith(running('a'), running('b'), waiting('c'));
    expect(bench.at(1, request(more)).map(brief)).toEqual([expected]);
  });

  it('does not lift the deny list', () => {
    const bench = benchOf({});
    bench.at(0, podChanged(pod({ uid: 'own-pod' }), true));
    expect(bench.at(1, request())).toMatchObject([
      { reason: 'denied', detail: 'the pod of this agent' },
    ]);
  });
});
