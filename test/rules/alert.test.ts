import { describe, expect, it } from '@jest/globals';
import { quietCounts } from '../../src/rules/index.ts';
import type { AlertShape, AlertSignal, AlertTargetHints, PodFact } from '../../src/signal/index.ts';
import { alert, benchOf, brief, id, pod, podChanged, running, waiting } from './support/bench.ts';

const spec =
  'when: { alert: { shape: falco, match: [{ field: priority, severityAtLeast: Critical }] } }\ntarget: {}';

function benchWith(text = spec, ...pods: PodFact[]) {
  const bench = benchOf({ falco: text });
  for (const fact of pods.length > 0 ? pods : [pod()]) bench.at(0, podChanged(fact, true));
  return bench;
}

const twoContainers = pod({
  containers: [
    running('app', { containerId: id('aaaaaaaaaaaa1') }),
    running('web', { containerId: id('bbbbbbbbbbbb') }),
    running('mesh', { type: 'sidecar', containerId: id('cccccccccccc') }),
    running('setup', { type: 'init', containerId: id('dddddddddddd'), state: waiting().state }),
  ],
});
const oneOfTwo = pod({
  name: 'solo',
  uid: 'uid-solo',
  containers: [
    running('main', { containerId: id('eeeeeeeeeeee') }),
    running('mesh', { type: 'sidecar', containerId: id('ffffffffffff') }),
  ],
});
const sameName = pod({
  namespace: 'pay',
  uid: 'uid-pay',
  containers: [running('app', { containerId: id('aaaaaaaaaaaa2') })],
});

const withStaticUid = pod({
  name: 'static',
  uid: 'uid-static',
  staticUid: 'hash-1',
  containers: [running('app', { containerId: id('121212121212') })],
});

describe('the target of an alert', () => {
  const rows: [name: string, hints: AlertTargetHints, expected: string[]][] = [
    ['by an id of 12 digits', { containerIdPrefix: 'bbbbbbbbbbbb' }, ['fired falco shop/cart/web']],
    ['by the whole id', { containerIdPrefix: id('bbbbbbbbbbbb') }, ['fired falco shop/cart/web']],
    [
      'by an id against the names',
      { containerIdPrefix: 'bbbbbbbbbbbb', namespace: 'shop', pod: 'solo' },
      ['fired falco shop/cart/web'],
    ],
    [
      'by an id whatever the host is called',
      { containerIdPrefix: 'bbbbbbbbbbbb', node: 'falco-x7' },
      ['fired falco shop/cart/web'],
    ],
    [
      'by an id that two containers share so far',
      { containerIdPrefix: 'aaaaaaaaaaaa' },
      ['target-ambiguous falco'],
    ],
    [
      'by a longer id that tells the two apart',
      { containerIdPrefix: 'aaaaaaaaaaaa2' },
      ['fired falco pay/cart/app'],
    ],
    ['by an unknown id', { containerIdPrefix: '999999999999' }, ['target-unknown falco']],
    [
      'by an unknown id of a known pod',
      { containerIdPrefix: '999999999999', namespace: 'shop', pod: 'solo' },
      ['target-unknown falco'],
    ],
    ['by an unknown id of another node', { containerIdPrefix: '999999999999', node: 'node-2' }, []],
    ['by the uid of a pod', { podUid: 'uid-solo' }, ['fired falco shop/solo/main']],
    ['by the uid of a static pod', { podUid: 'hash-1' }, ['fired falco shop/static/app']],
    [
      'by the uid of a pod, and its container',
      { podUid: 'uid-cart', container: 'web' },
      ['fired falco shop/cart/web'],
    ],
    [
      'by the uid of a pod with several app containers',
      { podUid: 'uid-cart' },
      ['target-ambiguous falco'],
    ],
    [
      'by the uid of a former pod of a known name',
      { podUid: 'uid-before', namespace: 'shop', pod: 'solo' },
      ['target-unknown falco'],
    ],
    ['by a uid of another node', { podUid: 'uid-before', pod: 'solo', node: 'node-2' }, []],
    [
      'by an id before the uid of another pod',
      { containerIdPrefix: 'bbbbbbbbbbbb', podUid: 'uid-solo' },
      ['fired falco shop/cart/web'],
    ],
    ['by an id that is too short', { containerIdPrefix: 'bbbbbbbbbbb' }, ['target-unknown falco']],
    [
      'by pod and container',
      { namespace: 'shop', pod: 'cart', container: 'web' },
      ['fired falco shop/cart/web'],
    ],
    [
      'by pod and sidecar',
      { namespace: 'shop', pod: 'cart', container: 'mesh' },
      ['fired falco shop/cart/mesh'],
    ],
    [
      'by a pod with several app containers',
      { namespace: 'shop', pod: 'cart' },
      ['target-ambiguous falco'],
    ],
    [
      'by a pod with one app container and a sidecar',
      { namespace: 'shop', pod: 'solo' },
      ['fired falco shop/solo/main'],
    ],
    [
      'by a pod here, whatever the host is called',
      { namespace: 'shop', pod: 'solo', node: 'ip-10-0-0-1' },
      ['fired falco shop/solo/main'],
    ],
    ['by a pod without namespace', { pod: 'solo' }, ['fired falco shop/solo/main']],
    ['by a pod name in two namespaces', { pod: 'cart' }, ['target-ambiguous falco']],
    ['by a pod name of another node', { pod: 'solo', node: 'node-2' }, []],
    ['by an unknown pod', { namespace: 'shop', pod: 'ghost' }, ['target-unknown falco']],
    [
      'by an unknown container',
      { namespace: 'shop', pod: 'cart', container: 'ghost' },
      ['target-unknown falco'],
    ],
    ['by nothing', {}, ['target-unknown falco']],
    ['by a namespace alone', { namespace: 'shop' }, ['target-unknown falco']],
  ];
  it.each(rows)('%s', (_name, hints, expected) => {
    const bench = benchWith(spec, twoContainers, oneOfTwo, sameName, withStaticUid);
    expect(bench.at(10, alert({ hints })).map(brief)).toEqual(expected);
  });

  it('on another node is only counted', () => {
    const bench = benchWith();
    bench.at(0, alert({ hints: { node: 'node-2' } }));
    expect(quietCounts(bench.state)).toEqual([{ rule: 'falco', reason: 'elsewhere', count: 1 }]);
  });

  it('is not the former life when the id was replaced', () => {
    const bench = benchWith();
    bench.at(
      0,
      podChanged(pod({ containers: [running('app', { containerId: id('bbbbbbbbbbbb') })] })),
    );
    const [decision] = bench.at(
      1,
      alert({ hints: { containerIdPrefix: 'aaaaaaaaaaaa', namespace: 'shop', pod: 'cart' } }),
    );
    expect(decision).toMatchObject({
      reason: 'target-unknown',
      detail:
        'no container id begins with aaaaaaaaaaaa; the containers of pod shop/cart have other ids now',
    });
  });
});

describe('the condition of an alert rule', () => {
  const rows: [
    match: string,
    fields: Record<string, string | number | boolean | null>,
    holds: boolean,
  ][] = [
    ['severityAtLeast: Critical', { x: 'Emergency' }, true],
    ['severityAtLeast: Critical', { x: 'CRITICAL' }, true],
    ['severityAtLeast: Critical', { x: 'Error' }, false],
    ['severityAtLeast: Critical', { x: 'nonsense' }, false],
    ['severityAtLeast: Critical', {}, false],
    ['severityAtLeast: info', { x: 'Notice' }, true],
    ['severityAtLeast: Informational', { x: 'Info' }, true],
    ['severityAtLeast: Informational', { x: 'Debug' }, false],
    ['equals: a', { x: 'a' }, true],
    ['equals: a', { x: 'A' }, false],
    ['equals: 3', { x: 3 }, true],
    ['equals: 3', { x: '3' }, false],
    ['equals: true', { x: true }, true],
    ['in: [a, b]', { x: 'b' }, true],
    ['in: [a, b]', { x: 'c' }, false],
    ['glob: "Term*"', { x: 'Terminal' }, true],
    ['glob: "Term*"', { x: 'xTerm' }, false],
    ['glob: "1*"', { x: 12 }, true],
    ['contains: min', { x: 'Terminal' }, true],
    ['contains: max', { x: 'Terminal' }, false],
    ['re2: "^(a+)+$"', { x: `${'a'.repeat(50_000)}!` }, false],
    ['re2: "min"', { x: 'Terminal' }, true],
    ['re2: "null"', { x: null }, false],
    ['severityAtLeast: Critical', { x: 'page' }, true],
    ['severityAtLeast: critical', { x: 'FATAL' }, true],
    ['severityAtLeast: high', { x: 'Error' }, true],
    ['severityAtLeast: warning', { x: 'none' }, false],
    ['severityAtLeast: warning', { x: 'moderate' }, true],
    ['severityAtLeast: Debug', { x: 7 }, false],
    ['number: { atLeast: 5 }', { x: 5 }, true],
    ['number: { above: 5 }', { x: 5 }, false],
    ['number: { above: 5, atMost: 6 }', { x: '6' }, true],
    ['number: { above: 5, below: 6 }', { x: '6.0' }, false],
    ['number: { atLeast: 1 }', { x: '1e400' }, true],
    ['number: { atLeast: 1000 }', { x: '1734874540929908828' }, true],
    ['number: { atLeast: 0 }', { x: '0x10' }, false],
    ['number: { atLeast: 0 }', { x: '' }, false],
    ['number: { atLeast: 0 }', { x: ' 5' }, false],
    ['number: { atLeast: 0 }', { x: true }, false],
    ['number: { atLeast: 0 }', { x: null }, false],
    ['number: { atLeast: 0 }', {}, false],
    ['number: { atLeast: 0 }', { x: '9'.repeat(41) }, false],
    ['cidr: [10.0.0.0/8, fd00::/8]', { x: '10.2.3.4' }, true],
    ['cidr: [10.0.0.0/8, fd00::/8]', { x: 'fd12::1' }, true],
    ['cidr: [10.0.0.0/8, fd00::/8]', { x: '192.168.0.1' }, false],
    ['cidr: 10.0.0.0/8', { x: 10 }, false],
    ['cidr: 10.0.0.0/8', {}, false],
    ['not: { cidr: 10.0.0.0/8 }', { x: '8.8.8.8' }, true],
    ['not: { cidr: 10.0.0.0/8 }', { x: '10.0.0.1' }, false],
    ['not: { equals: a }', { x: 'b' }, true],
    ['not: { equals: a }', { x: 'a' }, false],
    ['not: { glob: "a*" }', {}, true],
    ['not: { re2: "^a" }', { x: null }, true],
    ['not: { number: { below: 3 } }', { x: 3 }, true],
    ['exists: true', { x: '' }, true],
    ['exists: true', { x: null }, false],
    ['exists: true', {}, false],
    ['exists: false', { x: null }, true],
    ['exists: false', { x: 0 }, false],
  ];
  it.each(rows)('%s on %j is %s', (match, fields, holds) => {
    const bench = benchWith(
      `when: { alert: { shape: falco, match: [{ field: x, ${match} }] } }\ntarget: {}`,
    );
    expect(bench.at(0, alert({ fields })).map(brief)).toEqual(
      holds ? ['fired falco shop/cart/app'] : [],
    );
  });

  const shapes: [
    shape: AlertShape,
    match: string,
    fields: AlertSignal['fields'],
    holds: boolean,
  ][] = [
    ['falco', 'field: priority, equals: a', { priority: 'a' }, true],
    ['alertmanager', 'field: labels.a, equals: b', { 'labels.a': 'b', status: 'firing' }, true],
    ['alertmanager', 'field: labels.a, equals: b', { 'labels.a': 'b', status: 'resolved' }, false],
    ['alertmanager', 'field: labels.a, equals: b', { 'labels.a': 'b' }, false],
    ['alertmanager', 'field: status, equals: resolved', { status: 'resolved' }, true],
    ['alertmanager', 'field: status, exists: true', { status: 'firing' }, true],
    ['cloudevents', 'field: type, glob: "a.*"', { type: 'a.b' }, true],
    ['json/wazuh', 'field: rule.level, number: { atLeast: 10 }', { 'rule.level': 12 }, true],
  ];
  it.each(shapes)('of shape %s, %s on %j is %s', (shape, match, fields, holds) => {
    const bench = benchWith(
      `when: { alert: { shape: ${shape}, match: [{ ${match} }] } }\ntarget: {}`,
    );
    expect(bench.at(0, alert({ shape, fields })).map(brief)).toEqual(
      holds ? ['fired falco shop/cart/app'] : [],
    );
    expect(bench.at(0, alert({ shape: 'json/other', fields }))).toEqual([]);
  });

  it('does not reach into the prototype of the fields', () => {
    const bench = benchWith(
      'when: { alert: { shape: falco, match: [{ field: constructor, exists: true }] } }\ntarget: {}',
    );
    expect(bench.at(0, alert())).toEqual([]);
  });
});

describe('an alert rule', () => {
  it('cools down: seven copies within a second fire once', () => {
    const bench = benchWith();
    const reasons = [0, 1, 2, 3, 4, 5, 6].flatMap((n) =>
      bench.at(n * 100, alert()).map(({ reason }) => reason),
    );
    expect(reasons).toEqual(['fired', ...Array(6).fill('cooldown')]);
  });

  it('names a target that no rule selects', () => {
    const bench = benchWith(spec.replace('target: {}', 'target: { namespaces: [pay] }'));
    expect(bench.at(0, alert()).map(brief)).toEqual(['not-selected falco shop/cart/app']);
  });

  it('is quiet about not selecting when another rule does', () => {
    const bench = benchOf({
      all: spec,
      none: spec.replace('target: {}', 'target: { namespaces: [pay] }'),
    });
    bench.at(0, podChanged(pod(), true));
    expect(bench.at(0, alert()).map(brief)).toEqual(['fired all shop/cart/app']);
  });

  it('says nothing about an alert that it does not want, whatever its target', () => {
    const bench = benchWith();
    expect(bench.at(0, alert({ fields: { priority: 'Notice' }, hints: {} }))).toEqual([]);
  });

  it('names a container that has ended', () => {
    const end = { reason: 'OOMKilled', exitCode: 137, finishedAtMs: 0 };
    const bench = benchWith(
      spec,
      pod({ containers: [running('app', { state: { kind: 'terminated', end } })] }),
    );
    expect(bench.at(0, alert())).toMatchObject([
      { reason: 'not-running', detail: 'terminated: OOMKilled (exit code 137)' },
    ]);
  });

  it('keeps the alert, bounded, in the decision', () => {
    const fields: Record<string, string> = { priority: 'Critical' };
    for (let n = 0; n < 10_000; n++) fields[`field${n}`] = 'x'.repeat(100);
    fields.long = 'y'.repeat(1_000_000);
    const [decision] = benchWith().at(0, alert({ fields }));
    expect(decision?.reason).toBe('fired');
    expect(JSON.stringify(decision?.signal).length).toBeLessThan(65_536);
    expect(decision?.signal.data.omittedFields).toBeGreaterThan(9_000);
  });
});
