import type { RulesCore, RulesState } from '../../../src/rules/index.ts';

/** More pods, and more scopes of one rule, are not kept. */
export const PODS_MAX = 10_000;
export const SCOPES_MAX = 10_000;

/** What the state holds, in entries. */
export interface StateSize {
  pods: number;
  names: number;
  /** Containers by their id. */
  ids: number;
  memos: number;
  /** Pairs in the windows of all memos. */
  marks: number;
  timers: number;
  cooldowns: number;
  /** Firings within budgets. */
  firings: number;
  quiet: number;
  /** What rules remember of the node. */
  ofNode: number;
}

export function sizeOf({
  pods,
  cooldowns,
  budgets,
  timers,
  quiet,
  nodeMemory,
}: RulesState): StateSize {
  const memos = memosOf(pods.byUid);
  return {
    pods: pods.byUid.size,
    names: pods.uidOfName.size,
    ids: sum([...pods.containersOfPrefix.values()].map((same) => same.length)),
    memos: memos.length,
    marks: sum(memos.map(marksOf)),
    timers: timers.length,
    cooldowns: sum([...cooldowns.values()].map(({ size }) => size)),
    firings: sum([...budgets.values()].flatMap((one) => [...one].map(([, all]) => all.length))),
    quiet: sum([...quiet.byRule.values()].map(({ size }) => size)) + quiet.groups.size,
    ofNode: nodeMemory.size,
  };
}

/** The bound of each, which the rules and the containers that are known give; nothing else does. */
export function boundOf(core: RulesCore, { pods }: RulesState): StateSize {
  const enabled = [...core.byId.values()];
  const entries = [...pods.byUid.values()];
  const containers = sum(entries.map(({ fact }) => fact.containers.length));
  const budgets = core.rules.map(({ id }) => core.limits.get(id)?.budget?.count ?? 0);
  const memos = containers * enabled.length;
  return {
    pods: PODS_MAX,
    names: pods.byUid.size,
    ids: containers,
    memos,
    marks: containers * sum(enabled.map(({ when }) => marksMax(when))),
    timers: Math.max(1_024, 4 * memos),
    cooldowns: SCOPES_MAX * core.rules.length,
    firings: SCOPES_MAX * sum(budgets),
    // Reasons by rule, and one group for each list of the index.
    quiet: core.rules.length * 40 + 40,
    ofNode: core.rules.length,
  };
}

type When = RulesCore['rules'][number]['when'];

function marksMax(when: When): number {
  switch (when.kind) {
    case 'event':
      return when.atLeast;
    case 'crashLoop':
      return when.restarts;
    case 'sequence':
      return when.steps.length ** 2;
    default:
      return 0;
  }
}

type Entries = RulesState['pods']['byUid'];
type Memo = ReturnType<typeof memosOf>[number];

function memosOf(byUid: Entries) {
  return [...byUid.values()].flatMap(({ memos }) =>
    [...memos.values()].flatMap((ofContainer) => [...ofContainer.values()]),
  );
}

function marksOf(memo: Memo): number {
  switch (memo.kind) {
    case 'event':
      return memo.counts.length;
    case 'crashLoop':
      return memo.restarts.length;
    case 'sequence':
      return sum(memo.chains.map((chain) => chain?.length ?? 0));
    default:
      return 0;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
