import { beforeAll, describe, expect, it } from '@jest/globals';
import type { WhenKind } from '../../../src/rules/index.ts';
import { compileWhere, prepareWhere } from '../../../src/rules/where/index.ts';
import type { ContainerFact, PodFact, Signal } from '../../../src/signal/index.ts';
import { alert, event, memory, pod, podChanged, running, tick } from '../support/bench.ts';

beforeAll(prepareWhere);

interface Seen {
  kind?: WhenKind;
  signal?: Signal;
  pod?: Partial<PodFact>;
  container?: Partial<ContainerFact>;
}

function mistakesOf(text: string, kind: WhenKind = 'event') {
  const compiled = compileWhere(text, kind);
  return compiled.ok ? [] : compiled.mistakes;
}

function evaluate(text: string, seen: Seen = {}) {
  const { kind = 'event', signal = event() } = seen;
  const compiled = compileWhere(text, kind);
  if (!compiled.ok) throw new Error(compiled.mistakes.map(({ message }) => message).join('; '));
  return compiled.where.evaluate({
    signal,
    pod: pod(seen.pod),
    container: running('app', seen.container),
    nodeName: 'node-1',
  });
}

const owned = {
  owner: { kind: 'ReplicaSet', name: 'cart-7d' },
  topOwner: { kind: 'Deployment', name: 'cart' },
};

describe('an expression', () => {
  const rows: [text: string, seen: Seen, holds: boolean][] = [
    ['pod.namespace == "shop" && container.name == "app"', {}, true],
    [
      'pod.annotations["stillpoint.dev/team"] == "payments"',
      { pod: { annotations: { 'stillpoint.dev/team': 'payments' } } },
      true,
    ],
    ['pod.labels.app in ["cart", "pay"]', {}, true],
    ['has(pod.labels.app) && !has(pod.labels.tier)', {}, true],
    ['"tier" in pod.labels || pod.name.startsWith("ca")', {}, true],
    ['pod.owner.kind == "Deployment" && pod.owner.name.matches("^c.rt$")', { pod: owned }, true],
    ['pod.owner.kind == "Pod" && pod.owner.name == pod.name', {}, true],
    ['node.name == "node-1" ? pod.hostNetwork : true', {}, false],
    ['container.restartCount > 3', { container: { restartCount: 4 } }, true],
    [
      'container.memoryLimitBytes >= 1024 * 1024',
      { container: { memoryLimitBytes: 1_048_576 } },
      true,
    ],
    ['container.memoryLimitBytes == 0', {}, true],
    ['["kube-", "ingress"].exists(p, pod.namespace.startsWith(p))', {}, false],
    ['signal.count >= 2 && signal.type == "Warning"', { signal: event({ countDelta: 2 }) }, true],
    ['signal.message.contains("500")', {}, true],
    ['signal.usedRatio > 0.9', { kind: 'memory', signal: memory(0.95) }, true],
    [
      'signal.usedRatio > 0.9 && signal.growthBytesPerSecond > 1000.0',
      { kind: 'memory', signal: memory(0.95) },
      false,
    ],
    ['signal.fields["priority"] == "Critical"', { kind: 'alert', signal: alert() }, true],
    [
      'signal.fields["evt.count"] > 4 && signal.fields["x"] == null',
      { kind: 'alert', signal: alert({ fields: { 'evt.count': 5, x: null } }) },
      true,
    ],
    ['signal.kind == "tick"', { kind: 'schedule', signal: tick('r') }, true],
    [
      'signal.exitCode == 137 && signal.reason == "OOMKilled"',
      {
        kind: 'crashLoop',
        signal: podChanged(pod()),
        container: { lastEnd: { reason: 'OOMKilled', exitCode: 137, finishedAtMs: 0 } },
      },
      true,
    ],
    ['// only by night\npod.namespace == "shop"', {}, true],
  ];
  it.each(rows)('%s', (text, seen, holds) => {
    expect(evaluate(text, seen)).toEqual({ holds });
  });

  it('is false by a key that is not there, and says which', () => {
    expect(evaluate('pod.labels["team"] == "x"')).toEqual({
      holds: false,
      absent: 'No such key: team',
    });
    expect(evaluate('pod.labels["team"] != "x"')).toMatchObject({ holds: false });
    expect(evaluate('pod.labels["team"] == "x" || pod.name == "cart"')).toEqual({ holds: true });
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'size', 'get'])(
    'does not see what every object has: %s',
    (key) => {
      expect(evaluate(`pod.labels["${key}"] == "x"`)).toMatchObject({
        holds: false,
        absent: expect.anything(),
      });
      expect(evaluate(`"${key}" in pod.labels`)).toEqual({ holds: false });
      const fields = JSON.parse(`{ "${key}": "own" }`);
      const seen: Seen = { kind: 'alert', signal: alert({ fields }) };
      expect(evaluate(`signal.fields["${key}"] == "own"`, seen)).toEqual({ holds: true });
    },
  );

  it.each([
    ['signal.fields["x"].startsWith("a")', { x: 5 }],
    ['signal.fields["x"] > 3', { x: 'text' }],
    ['1 / int(signal.fields["x"]) == 1', { x: 0 }],
  ])('cannot be evaluated: %s of %j', (text, fields) => {
    const signal = alert({ fields: fields as Record<string, string | number> });
    expect(evaluate(text, { kind: 'alert', signal })).toMatchObject({
      holds: 'error',
      why: expect.stringMatching(/./),
    });
  });

  it('looks at the first 4096 characters of a text', () => {
    const message = `${'a'.repeat(4_096)}end`;
    expect(evaluate('signal.message.endsWith("end")', { signal: event({ message }) })).toEqual({
      holds: false,
    });
  });
});

describe('at load', () => {
  const rows: [text: string, kind: WhenKind, mistake: object][] = [
    [
      'pod.nmae == "x"',
      'event',
      { message: 'pod has no field nmae', given: 'pod.nmae', suggestion: 'pod.name' },
    ],
    ['pods.name == "x"', 'event', { message: 'there is no pods', suggestion: 'pod' }],
    [
      'pod.owner.uid == "x"',
      'event',
      { message: 'pod.owner has no field uid', allowed: 'kind, name' },
    ],
    [
      'has(pod.lables) && pod.name == "a"',
      'event',
      { given: 'pod.lables', suggestion: 'pod.labels' },
    ],
    ['signal.usedRatio > 0.5', 'event', { message: 'signal has no field usedRatio' }],
    ['signal.reason == "x"', 'memory', { allowed: 'kind, usedRatio, growthBytesPerSecond' }],
    ['pod.name == 5', 'event', { message: 'does not fit: no such overload: string == int' }],
    ['pod.name', 'event', { message: 'must be true or false, but is string' }],
    [
      'signal.fields["x"]',
      'alert',
      { message: expect.stringContaining('compare it with something') },
    ],
    [
      'pod.name ==',
      'event',
      { message: expect.stringMatching(/^cannot be read as CEL/), given: 'the end of it' },
    ],
    ['pod.name == "a" nd true', 'event', { given: 'nd true' }],
    ['pod.name.matches("(")', 'event', { message: expect.stringContaining('RE2'), given: '"("' }],
    ['pod.name.matches("(a{1000}){1000}")', 'event', { given: '"(a{1000}){1000}"' }],
    [
      'pod.name.matches(pod.namespace)',
      'event',
      { message: expect.stringContaining('written out') },
    ],
    ['pod.name + "x" == "y"', 'event', { given: 'pod.name + "x"' }],
    ['pod.labels.all(k, k == "a")', 'event', { message: expect.stringContaining('written out') }],
    [
      '[1].exists(a, [1].exists(b, a == b))',
      'event',
      { message: expect.stringContaining('too costly') },
    ],
    [
      '["a"].exists(p, pod.name.matches("a"))',
      'event',
      { message: expect.stringContaining('too costly') },
    ],
    ['pod.name.split("").size() > 1', 'event', { message: 'split() is not known here' }],
    ['pod.name.matchRE("a")', 'event', { message: 'matchRE() is not known here' }],
    [
      'timestamp("2026-01-01T00:00:00Z") > timestamp("2025-01-01T00:00:00Z")',
      'event',
      { message: 'timestamp() is not known here' },
    ],
    [
      'pod.name // matches\n.matches("^(a+)+$")',
      'event',
      { message: expect.stringContaining('comment') },
    ],
    ['cel.bind(x, pod.name, x == "a")', 'event', { message: 'bind() is not known here' }],
  ];
  it.each(rows)('refuses %s (%s)', (text, kind, mistake) => {
    expect(mistakesOf(text, kind)).toContainEqual(expect.objectContaining(mistake));
  });

  it('tells more than one mistake where it can', () => {
    expect(mistakesOf('pod.name.trim2() == "" && pod.name.split("") == []')).toHaveLength(2);
  });

  it.each([
    ['many parts', Array(100).fill('pod.hostNetwork').join(' || ')],
    ['a long list', `pod.name in [${Array(60).fill('"a"').join(', ')}]`],
    ['deep brackets', `${'('.repeat(40)}true${')'.repeat(40)}`],
  ])('refuses %s', (_, text) => {
    expect(mistakesOf(text)).toMatchObject([{ message: expect.stringMatching(/^is too large/) }]);
  });
});

describe('a hostile expression', () => {
  const long = 'a'.repeat(300_000);
  const worst: [what: string, text: string][] = [
    [
      'patterns that hang JS RegExp',
      Array(4).fill('signal.message.matches("^(a+)+$b")').join(' || '),
    ],
    [
      'costly RE2 patterns',
      Array(4).fill('signal.message.matches("(a|aa|.a){50}[^a]")').join(' || '),
    ],
    [
      'a loop over a full list',
      `[${Array(50).fill('"ab"').join(',')}].all(x, !signal.message.contains(x) && signal.message.upperAscii() != x)`,
    ],
    [
      'as many searches as fit',
      Array(14).fill('signal.message.contains(pod.annotations["k"])').join(' || '),
    ],
  ];
  it.each(worst)('takes no longer than a moment: %s', (_, text) => {
    const seen: Seen = {
      signal: event({ message: long }),
      pod: { annotations: { k: `b${long}` } },
    };
    evaluate(text, seen);
    const begin = process.hrtime.bigint();
    evaluate(text, seen);
    const tookMs = Number(process.hrtime.bigint() - begin) / 1e6;
    expect(tookMs).toBeLessThan(250);
  });
});
