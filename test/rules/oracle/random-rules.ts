import type { Random } from '../../../src/base/index.ts';
import { chance, pick, some } from './pick.ts';
import {
  type PlainBudget,
  type PlainRule,
  type PlainTarget,
  type PlainTest,
  type PlainWhen,
  plainScopes,
} from './plain-rule.ts';

const REASONS = ['Unhealthy', 'BackOff', 'Killing'] as const;
const WITHIN_MS = [10_000, 20_000, 60_000, 600_000] as const;
const LIMIT_MS = [0, 0, 1_000, 5_000, 30_000, 600_000] as const;

/** 1 to 12 rules; their names say nothing of their order. */
export function randomRules(random: Random): PlainRule[] {
  const count = random.integer(1, 12);
  return Array.from({ length: count }, (_, index) => randomRule(random, index));
}

function randomRule(random: Random, index: number): PlainRule {
  const name = `${pick(random, ['a', 'b', 'c'])}-${index}`;
  const namespace = chance(random, 0.1) ? 'shop' : undefined;
  const target = randomTarget(random);
  if (namespace !== undefined) delete target.namespaces;
  const when = randomWhen(random);
  // Init containers have no probes, so rules that look at nothing else are refused.
  if (when.kind === 'probe') target.containerTypes &&= [...target.containerTypes, 'app'];
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    enabled: chance(random, 0.95),
    mode: chance(random, 0.15) ? 'observe' : 'enforce',
    when,
    target,
    ...(chance(random, 0.85) && {
      cooldown: { forMs: pick(random, LIMIT_MS), per: pick(random, plainScopes) },
    }),
    ...(chance(random, 0.4) && { budget: chance(random, 0.1) ? 'none' : randomBudget(random) }),
  };
}

export function randomBudget(random: Random): PlainBudget {
  return {
    count: random.integer(1, 4),
    withinMs: pick(random, WITHIN_MS),
    per: pick(random, plainScopes),
  };
}

function randomWhen(random: Random): PlainWhen {
  const kinds = [
    'memory',
    'nodeMemory',
    'event',
    'crashLoop',
    'probe',
    'terminating',
    'alert',
    'schedule',
  ] as const;
  switch (pick(random, kinds)) {
    case 'memory':
      return randomMemory(random);
    case 'nodeMemory':
      return randomNodeMemory(random);
    case 'event':
      return {
        kind: 'event',
        reasons: some(random, REASONS),
        ...(chance(random, 0.3) && { type: 'Warning' as const }),
        ...(chance(random, 0.3) && { contains: 'Liveness' }),
        atLeast: random.integer(1, 4),
        withinMs: pick(random, WITHIN_MS),
      };
    case 'crashLoop':
      return {
        kind: 'crashLoop',
        restarts: random.integer(1, 3),
        withinMs: pick(random, WITHIN_MS),
        afterMs: pick(random, [0, 1_000, 4_000, 10_000, 1_800_000]),
      };
    case 'probe': {
      const type = pick(random, ['liveness', 'readiness'] as const);
      return { kind: 'probe', type, failures: random.integer(1, 4) };
    }
    case 'terminating': {
      const causes = some(random, ['drain', 'eviction', 'taint', 'preemption', 'delete']);
      return { kind: 'terminating', causes, reservePercent: pick(random, [0, 50, 90]) };
    }
    case 'alert':
      return {
        kind: 'alert',
        shape: chance(random, 0.8) ? 'falco' : 'alertmanager',
        match: Array.from({ length: random.integer(1, 2) }, (_, n) => randomTest(random, n)),
      };
    case 'schedule':
      return { kind: 'schedule' };
  }
}

function randomMemory(random: Random): PlainWhen {
  const abovePercent = random.integer(5, 9) * 10;
  return {
    kind: 'memory',
    abovePercent,
    forMs: pick(random, [0, 0, 2_000, 15_000]),
    ...(chance(random, 0.3) && {
      filling: { withinMs: pick(random, [300, 2_000]), floorPercent: 40 },
    }),
    ...(chance(random, 0.4) && { belowPercent: abovePercent - 20 }),
  };
}

function randomNodeMemory(random: Random): PlainWhen {
  const below = pick(random, [{ percent: 10 }, { percent: 25 }, { mib: 1_024 }]);
  return {
    kind: 'nodeMemory',
    below,
    ...(chance(random, 0.5) && { above: pick(random, [{ percent: 30 }, { mib: 2_048 }]) }),
    forMs: pick(random, [0, 0, 2_000, 15_000]),
  };
}

/** Two tests are of two fields, so that they cannot contradict each other. */
function randomTest(random: Random, index: number): PlainTest {
  const field = index === 0 ? 'rule' : pick(random, ['priority', 'count', 'status', 'toString']);
  switch (random.integer(0, 3)) {
    case 0:
      return { field, equals: pick(random, ['shell', 'Critical', 3, 'resolved', '3']) };
    case 1:
      return { field, in: some(random, ['shell', 'shells in a row', 'Error', 3, 'firing']) };
    case 2:
      return { field, beginsWith: pick(random, ['s', 'shell', 'shells', '3', '']) };
    default:
      return { field, exists: chance(random, 0.7) };
  }
}

function randomTarget(random: Random): PlainTarget & { namespaces?: readonly string[] } {
  return {
    ...(chance(random, 0.3) && { namespaces: some(random, ['shop', 'pay-*', 'data']) }),
    ...(chance(random, 0.4) && { podSelector: randomSelector(random) }),
    ...(chance(random, 0.15) && {
      owner: pick(random, [
        { kind: 'Deployment', name: 'front*' },
        { kind: 'ReplicaSet', name: '*' },
        { kind: 'Pod', name: '*' },
      ]),
    }),
    ...(chance(random, 0.3) && { containers: some(random, ['app', 'we*', 'setup']) }),
    ...(chance(random, 0.15) && {
      containerTypes: some(random, ['app', 'sidecar', 'init'] as const),
    }),
    ...(chance(random, 0.2) && { exclude: randomExclusion(random) }),
  };
}

function randomSelector(random: Random): NonNullable<PlainTarget['podSelector']> {
  if (chance(random, 0.5)) return { matchLabels: { tier: pick(random, ['gold', 'silver']) } };
  const key = pick(random, ['tier', 'canary']);
  const operator = pick(random, ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const);
  const values = operator.endsWith('In') ? some(random, ['gold', 'silver', 'yes']) : undefined;
  return { matchExpressions: [{ key, operator, ...(values && { values }) }] };
}

function randomExclusion(random: Random): NonNullable<PlainTarget['exclude']> {
  return pick(random, [
    { namespaces: ['lab'] },
    { podSelector: { matchExpressions: [{ key: 'canary', operator: 'Exists' as const }] } },
    { owner: { kind: 'CronJob', name: '*' } },
    { containers: ['proxy'] },
  ]);
}
