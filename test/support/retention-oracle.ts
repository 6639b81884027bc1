import type { Random } from '../../src/base/index.ts';
import type { RetentionItem, RetentionPolicy } from '../../src/retention/index.ts';

/**
 * Retention said once more, as plainly as can be: each question is counted out over all items, with
 * no sorting, no shared state and no regard for cost. For tests of the real plan.
 */
export function oracleRemovals(
  items: readonly RetentionItem[],
  policies: readonly RetentionPolicy[],
  nowMs: number,
): string[] {
  const removed: string[] = [];
  for (const policy of policies) {
    const mine = items.filter((item) => policyOf(item, policies) === policy);
    const isSafe = (item: RetentionItem) =>
      isHeld(item, nowMs) || newerInGroup(item, mine, policy) < policy.minKeep;
    const isWanted = (item: RetentionItem) => {
      if (!policy.keep) return true;
      const { last = 0, withinMs } = policy.keep;
      return (
        newerInGroup(item, mine, policy) < last ||
        (withinMs !== undefined && nowMs - item.createdMs <= withinMs)
      );
    };
    const isOld = ({ createdMs }: RetentionItem) =>
      policy.limits.maxAgeMs !== undefined && nowMs - createdMs > policy.limits.maxAgeMs;
    let left = mine.filter((item) => isSafe(item) || (isWanted(item) && !isOld(item)));
    const { maxCount = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } =
      policy.limits;
    const bytesOf = (list: RetentionItem[]) => list.reduce((sum, { bytes }) => sum + bytes, 0);
    const dropOldest = () => {
      const victim = left
        .filter((item) => !isSafe(item))
        .find((item, _, all) => all.every((other) => other === item || isOlder(item, other)));
      left = left.filter((item) => item !== victim);
      return victim !== undefined;
    };
    while (left.length > maxCount && dropOldest());
    while (bytesOf(left) > maxBytes && dropOldest());
    removed.push(...mine.filter((item) => !left.includes(item)).map(({ name }) => name));
  }
  return removed.sort();
}

function policyOf(item: RetentionItem, policies: readonly RetentionPolicy[]) {
  const { standing } = item;
  if (standing.kind !== 'recorded') return undefined;
  const fitting = policies.filter(({ classes }) => classes.includes(standing.retainClass));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function isHeld({ standing }: RetentionItem, nowMs: number): boolean {
  if (standing.kind !== 'recorded' || !standing.hold) return false;
  return standing.hold.untilMs === undefined || standing.hold.untilMs > nowMs;
}

function newerInGroup(item: RetentionItem, all: RetentionItem[], policy: RetentionPolicy): number {
  return all.filter((other) => inOneGroup(item, other, policy) && isOlder(item, other)).length;
}

function inOneGroup(a: RetentionItem, b: RetentionItem, { groupBy }: RetentionPolicy): boolean {
  if (a.standing.kind !== 'recorded' || b.standing.kind !== 'recorded') return false;
  const [one, two] = [a.standing, b.standing];
  return groupBy.every((key) => {
    if (key !== 'owner') return one[key] === two[key];
    if (one.owner && two.owner) {
      return one.owner.kind === two.owner.kind && one.owner.name === two.owner.name;
    }
    const nameOf = ({ owner, pod }: typeof one) => owner ?? { kind: 'Pod', name: pod };
    return nameOf(one).kind === nameOf(two).kind && nameOf(one).name === nameOf(two).name;
  });
}

function isOlder(a: RetentionItem, b: RetentionItem): boolean {
  return a.createdMs < b.createdMs || (a.createdMs === b.createdMs && a.name < b.name);
}

/** A made-up node: few names and times, so that groups, ties and clashes are common. */
export function randomItems(random: Random, nowMs: number): RetentionItem[] {
  const pick = <T>(choices: readonly T[]): T => choices[random.integer(0, choices.length - 1)] as T;
  return Array.from({ length: random.integer(0, 24) }, (_, index) => {
    const base = {
      name: `checkpoint-${random.integer(0, 99)}-${index}.tar`,
      bytes: random.integer(0, 5) * 100,
      createdMs: nowMs + random.integer(-20, 3) * 1_000,
    };
    const kind = pick([
      'recorded',
      'recorded',
      'recorded',
      'recorded',
      'foreign',
      'doubtful',
      'unrecorded',
    ] as const);
    if (kind !== 'recorded') return { ...base, standing: { kind } };
    return {
      ...base,
      standing: {
        kind,
        retainClass: pick(['crash', 'crash', 'nightly', 'security', 'other']),
        namespace: pick(['shop', 'pay']),
        pod: pick(['a', 'b', 'c']),
        container: pick(['app', 'db']),
        owner: pick([undefined, { kind: 'ReplicaSet', name: 'a' }, { kind: 'Pod', name: 'b' }]),
        hold: pick([
          undefined,
          undefined,
          undefined,
          { reason: 'case' },
          { reason: 'case', untilMs: nowMs + random.integer(-2, 2) * 1_000 },
        ]),
      },
    };
  });
}

export function randomPolicies(random: Random): RetentionPolicy[] {
  const maybe = <T>(make: () => T): T | undefined => (random.next() < 0.5 ? make() : undefined);
  const classes = [['crash'], ['nightly', 'security'], random.next() < 0.1 ? ['crash'] : ['other']];
  return classes.slice(0, random.integer(0, 6)).map((each, index) => {
    const last = maybe(() => random.integer(1, 4));
    const withinMs = maybe(() => random.integer(1, 10) * 1_000);
    const hasKeep = last !== undefined || withinMs !== undefined;
    const groupBy = (['namespace', 'owner', 'pod', 'container'] as const).filter(
      () => random.next() < 0.5,
    );
    return {
      name: `policy-${index}`,
      classes: each,
      groupBy,
      keep: hasKeep ? { last, withinMs } : undefined,
      limits: {
        maxAgeMs: maybe(() => random.integer(1, 15) * 1_000),
        maxCount: maybe(() => random.integer(1, 6)),
        maxBytes: maybe(() => random.integer(0, 15) * 100),
      },
      minKeep: random.integer(0, 2),
      cron: '* * * * *',
      timeZone: 'UTC',
    };
  });
}
