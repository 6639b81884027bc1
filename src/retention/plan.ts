import { formatBytes, formatDuration } from '../base/index.ts';
import { groupOf, type Provenance, type RetentionPolicy } from './policy.ts';

/** One archive as the plan needs it. Only `recorded` ones can ever be removed. */
export interface RetentionItem {
  name: string;
  bytes: number;
  createdMs: number;
  standing: ({ kind: 'recorded' } & Provenance) | { kind: 'unrecorded' | 'doubtful' | 'foreign' };
}

/** Why an archive is kept, with its sentence. */
export const keepReasons = {
  hold: 'an owner holds it',
  'min-keep': 'it is one of the newest that are always kept',
  last: 'it is one of the newest of its group',
  within: 'it is young enough',
  'within-limits': 'no limit of its policy is exceeded',
  'no-policy': 'no policy selects its class',
  'two-policies': 'more than one policy selects its class, so none is followed',
  foreign: 'it is not an archive of Stillpoint',
  doubtful: 'its record cannot be trusted, and in doubt nothing is removed',
  unrecorded: 'it is being taken in',
} as const;

/** Why an archive is removed, with its sentence. */
export const removeReasons = {
  'not-kept': 'nothing in its policy keeps it',
  'max-age': 'it is older than its policy allows',
  'max-count': 'its policy has more archives than allowed, and it is the oldest',
  'max-bytes': 'its policy holds more bytes than allowed, and it is the oldest',
} as const;

export type KeepReasonCode = keyof typeof keepReasons;
export type RemoveReasonCode = keyof typeof removeReasons;

export interface PlanReason<Code> {
  code: Code;
  /** The numbers behind it. */
  detail: string;
}

export interface PlannedKeep {
  name: string;
  /** Absent when no policy is followed. */
  policy?: string;
  reasons: readonly PlanReason<KeepReasonCode>[];
}

export interface PlannedRemoval {
  name: string;
  bytes: number;
  policy: string;
  reasons: readonly PlanReason<RemoveReasonCode>[];
}

/** A limit that is still exceeded, because what is left is protected. */
export interface UnmetLimit {
  policy: string;
  limit: 'max-count' | 'max-bytes';
  allowed: number;
  left: number;
}

/** What is to be kept and what removed; each list oldest first. */
export interface RetentionPlan {
  keep: readonly PlannedKeep[];
  remove: readonly PlannedRemoval[];
  unmet: readonly UnmetLimit[];
}

/** One item under its policy, while the plan is made. */
interface Candidate {
  item: RetentionItem;
  provenance: Provenance;
  keep: PlanReason<KeepReasonCode>[];
  /** By hold or minKeep: nothing overrules it. */
  isProtected: boolean;
  remove: PlanReason<RemoveReasonCode>[];
}

/**
 * Decides what stays and what goes. Pure: the same input gives the same plan, and the input is not
 * changed. Precedence: hold, then minKeep, then limits, then keep. `minKeep` and `keep` count in
 * each group; `limits` bound everything that the policy selects. What no policy, or more than one,
 * selects is kept, and so is all that is foreign, doubtful or not yet recorded. An archive dated
 * in the future is never removed by age.
 */
export function planRetention(
  items: readonly RetentionItem[],
  policies: readonly RetentionPolicy[],
  nowMs: number,
): RetentionPlan {
  const keep: PlannedKeep[] = [];
  const remove: PlannedRemoval[] = [];
  const unmet: UnmetLimit[] = [];
  const selected = new Map<RetentionPolicy, Candidate[]>();
  const ordered = [...items].sort(oldestFirst);
  const order = new Map(ordered.map(({ name }, index) => [name, index]));
  for (const item of ordered) {
    const choice = choosePolicy(item, policies);
    if (choice.kind === 'keep') {
      keep.push({ name: item.name, reasons: [{ code: choice.code, detail: choice.detail }] });
      continue;
    }
    const { policy, provenance } = choice;
    const candidate = { item, provenance, keep: [], remove: [], isProtected: false };
    const siblings = selected.get(policy);
    if (siblings) siblings.push(candidate);
    else selected.set(policy, [candidate]);
  }
  for (const [policy, candidates] of selected) {
    judgePolicy(policy, candidates, nowMs, unmet);
    for (const { item, ...verdict } of candidates) {
      const { name, bytes } = item;
      if (verdict.remove.length > 0 && !verdict.isProtected) {
        remove.push({ name, bytes, policy: policy.name, reasons: verdict.remove });
      } else {
        keep.push({ name, policy: policy.name, reasons: verdict.keep });
      }
    }
  }
  const byOrder = (a: { name: string }, b: { name: string }) =>
    (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0);
  return { keep: keep.sort(byOrder), remove: remove.sort(byOrder), unmet };
}

type Choice =
  | { kind: 'policy'; policy: RetentionPolicy; provenance: Provenance }
  | { kind: 'keep'; code: KeepReasonCode; detail: string };

function choosePolicy(item: RetentionItem, policies: readonly RetentionPolicy[]): Choice {
  const { standing } = item;
  if (standing.kind !== 'recorded') return { kind: 'keep', code: standing.kind, detail: '' };
  const { retainClass } = standing;
  const detail = `class ${retainClass}`;
  const [policy, second] = policies.filter(({ classes }) => classes.includes(retainClass));
  if (!policy) return { kind: 'keep', code: 'no-policy', detail };
  if (second) return { kind: 'keep', code: 'two-policies', detail };
  return { kind: 'policy', policy, provenance: standing };
}

/** Fills in the reasons of one policy's candidates, which come oldest first. */
function judgePolicy(
  policy: RetentionPolicy,
  candidates: readonly Candidate[],
  nowMs: number,
  unmet: UnmetLimit[],
): void {
  for (const group of groupsOf(policy, candidates).values()) judgeGroup(policy, group, nowMs);
  const { maxAgeMs, maxCount, maxBytes } = policy.limits;
  if (maxAgeMs !== undefined) {
    for (const candidate of candidates) {
      const ageMs = nowMs - candidate.item.createdMs;
      if (candidate.isProtected || !(ageMs > maxAgeMs)) continue;
      const detail = `${formatDuration(ageMs)} old, at most ${formatDuration(maxAgeMs)}`;
      candidate.remove.push({ code: 'max-age', detail });
    }
  }
  if (maxCount !== undefined) {
    const left = shrink(candidates, 'max-count', maxCount, () => 1, String);
    if (left > maxCount)
      unmet.push({ policy: policy.name, limit: 'max-count', allowed: maxCount, left });
  }
  if (maxBytes !== undefined) {
    const left = shrink(candidates, 'max-bytes', maxBytes, ({ item }) => item.bytes, formatBytes);
    if (left > maxBytes)
      unmet.push({ policy: policy.name, limit: 'max-bytes', allowed: maxBytes, left });
  }
  for (const candidate of candidates) {
    if (candidate.keep.length === 0) candidate.keep.push({ code: 'within-limits', detail: '' });
  }
}

/** Hold, minKeep and keep of one group, whose members come oldest first. */
function judgeGroup(policy: RetentionPolicy, group: readonly Candidate[], nowMs: number): void {
  const { keep, minKeep } = policy;
  group.forEach((candidate, index) => {
    const newer = group.length - 1 - index;
    const { hold } = candidate.provenance;
    if (hold && (hold.untilMs === undefined || hold.untilMs > nowMs)) {
      candidate.isProtected = true;
      candidate.keep.push({ code: 'hold', detail: hold.reason });
    }
    if (newer < minKeep) {
      candidate.isProtected = true;
      candidate.keep.push({ code: 'min-keep', detail: `minKeep ${minKeep}` });
    }
    if (!keep) return;
    if (keep.last !== undefined && newer < keep.last) {
      candidate.keep.push({ code: 'last', detail: `${newer + 1} of ${keep.last}` });
    }
    if (keep.withinMs !== undefined && candidate.item.createdMs >= nowMs - keep.withinMs) {
      candidate.keep.push({ code: 'within', detail: formatDuration(keep.withinMs) });
    }
    if (candidate.keep.length > 0) return;
    candidate.remove.push({ code: 'not-kept', detail: `${newer} newer in its group` });
  });
}

/**
 * Marks the oldest that may go until what is left fits; returns what is left. What another limit
 * or keep has marked already no longer counts.
 */
function shrink(
  candidates: readonly Candidate[],
  code: 'max-count' | 'max-bytes',
  allowed: number,
  weigh: (candidate: Candidate) => number,
  show: (amount: number) => string,
): number {
  const staying = candidates.filter(({ remove }) => remove.length === 0);
  let left = staying.reduce((sum, candidate) => sum + weigh(candidate), 0);
  for (const candidate of staying) {
    if (left <= allowed) break;
    if (candidate.isProtected) continue;
    candidate.remove.push({ code, detail: `${show(left)}, at most ${show(allowed)}` });
    left -= weigh(candidate);
  }
  return left;
}

function groupsOf(
  policy: RetentionPolicy,
  candidates: readonly Candidate[],
): Map<string, Candidate[]> {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = groupOf(candidate.provenance, policy.groupBy);
    const group = groups.get(key);
    if (group) group.push(candidate);
    else groups.set(key, [candidate]);
  }
  return groups;
}

/** Equal times by name, so that the order never depends on that of the input. */
function oldestFirst(a: RetentionItem, b: RetentionItem): number {
  return a.createdMs - b.createdMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
