import { describeTarget } from '../../signal/index.ts';
import { neverEvicted, rankForEviction } from '../eviction-rank.ts';
import { formatTime } from '../format-time.ts';
import { targetOf } from '../judge.ts';
import {
  amountText,
  availablePart,
  isLow,
  standingVictim,
  toldOf,
  useText,
} from '../kinds/node-memory.ts';
import type { RuleOf } from '../rule.ts';
import { part } from '../trail.ts';
import type { Explained } from './explain.ts';
import { type Case, type Waits, waits } from './say.ts';
import { whereWaits } from './where-waits.ts';

/** What the node has, and which place the container has among those that could be evicted. */
export function nodeMemoryWaits(
  from: Explained,
  one: Case,
  rule: RuleOf<'nodeMemory'>,
): Waits | undefined {
  const { entry, container } = one;
  const passedOver = neverEvicted(entry.fact);
  if (passedOver !== undefined) {
    return waits('no-match', passedOver, [part('eviction rank', false, passedOver)], true);
  }
  const fired = firedWaits(from, one, rule);
  if (fired) return fired;
  const sample = from.witness.nodeMemory();
  if (!sample) return undefined;
  const isBelow = isLow(rule, sample);
  const available = availablePart(rule, sample, isBelow);
  const below = amountText(rule.when.availableBelow, sample.capacityBytes);
  const has = `${available.saw} available on the node at ${formatTime(sample.seenMs)}`;
  if (!isBelow) return waits('no-match', `${has}, fires below ${below}: not yet`, [available]);
  const ranked = rankForEviction(from.core, from.state, rule, sample.pods);
  const place = ranked.findIndex((each) => each.entry === entry);
  const own = ranked[place];
  const [first] = ranked;
  if (!own || !first || own.container.name !== container.name) {
    const why = own ? `${own.container.name} uses more of the pod` : 'not measured yet';
    return waits('no-match', `${has}; ${why}`, [available, part('eviction rank', false, why)]);
  }
  const where = whereWaits(from, { ...one, told: toldOf(sample, own) }, sample);
  if (where) return where;
  if (place === 0) return undefined;
  const saw = `${place + 1} of ${ranked.length}: ${useText(own)}`;
  const before = `${describeTarget(targetOf(first))} is first: ${useText(first)}`;
  const trail = [available, part('eviction rank', false, saw, before)];
  return waits('no-match', `${has}; ${saw}; ${before}`, trail);
}

/** It fired for this container, or for another one that still runs. */
function firedWaits(
  { state }: Explained,
  { container }: Case,
  { id }: RuleOf<'nodeMemory'>,
): Waits | undefined {
  const memo = state.nodeMemory.get(id);
  const victim = memo && standingVictim(state, memo);
  if (!memo?.fired || victim === undefined) return undefined;
  const who = memo.fired.containerId === container.containerId ? 'it' : victim;
  const detail = `fired at ${formatTime(memo.fired.atMs)} for ${who}, which still runs`;
  return waits('not-rearmed', detail, [part('when.memory.availableAbove', false, detail)], true);
}
