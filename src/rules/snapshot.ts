import * as z from 'zod';
import { StillpointError } from '../base/index.ts';
import { describeTarget, type PodFact, type ReasonCode, type Target } from '../signal/index.ts';
import { startCooldown } from './cooldowns.ts';
import { isObserved, type RulesCore } from './core.ts';
import { ruleFingerprint } from './fingerprint.ts';
import type { Memo } from './memo.ts';
import { memoOf, type PodEntry, putPod, removePod, setMemo } from './pod-table.ts';
import { createRulesState, type RulesState, rebuildTimers } from './state.ts';

const VERSION = 1;

/** The state as plain data for JSON: pods, memos, cooldowns. Counters and timers are left out. */
export interface RulesSnapshot {
  version: typeof VERSION;
  /** The latest time seen; null (JSON has no -Infinity) when nothing was seen yet. */
  nowMs: number | null;
  /** By rule id: memos hold only for a rule that decides alike. */
  fingerprints: Record<string, string>;
  pods: { fact: PodFact; memos: [container: string, rule: string, memo: Memo][] }[];
  cooldowns: [rule: string, fired: [target: string, firedMs: number][]][];
  /** Rules that only said what they would have captured; absent = none. */
  observed?: string[];
}

/**
 * The state as plain data. It shares parts with the state: make JSON of it before the next step.
 * Annotations of pods are left out: the core does not look at them, one pod may hold 256 KiB of
 * them, and the first list after a restart brings them back.
 */
export function saveState(core: RulesCore, state: RulesState): RulesSnapshot {
  return {
    version: VERSION,
    nowMs: Number.isFinite(state.nowMs) ? state.nowMs : null,
    fingerprints: Object.fromEntries(core.rules.map((rule) => [rule.id, ruleFingerprint(rule)])),
    pods: [...state.pods.byUid.values()].map((entry) => ({
      fact: { ...entry.fact, annotations: {} },
      memos: memosOf(entry),
    })),
    cooldowns: [...state.cooldowns].map(([rule, fired]) => [rule, [...fired]]),
    observed: core.rules.filter((rule) => isObserved(core, rule)).map(({ id }) => id),
  };
}

/**
 * A new state from parsed JSON of saveState. For another set of rules too: cooldowns stay with
 * every rule id that is still there, memos only where the rule decides alike. What a rule only
 * observed holds back no capture once it enforces. Throws
 * `store` when the data is not a snapshot of this version; begin with createRulesState then.
 */
export function restoreState(core: RulesCore, data: unknown): RulesState {
  const checked = snapshotSchema.safeParse(data);
  if (!checked.success) {
    throw new StillpointError({
      code: 'store',
      message: 'the saved state of the rules cannot be read',
      hint: 'Begin with an empty state: running cooldowns and windows are forgotten.',
      details: { issues: checked.error.issues.slice(0, 5).map(({ path }) => path.join('.')) },
    });
  }
  // The shape was checked down to the parts that the core reads without looking.
  const snapshot = checked.data as unknown as RulesSnapshot;
  const state = createRulesState();
  state.nowMs = snapshot.nowMs ?? state.nowMs;
  const isAlike = new Map(
    core.rules.map((rule) => [rule.id, snapshot.fingerprints[rule.id] === ruleFingerprint(rule)]),
  );
  const freed = freedRules(core, snapshot);
  for (const { fact, memos } of snapshot.pods) {
    const { entry } = putPod(state.pods, fact);
    for (const [container, rule, memo] of memos) {
      if (freed.has(rule)) takeBackFiring(memo);
      if (isAlike.get(rule)) setMemo(entry, container, rule, memo);
    }
  }
  for (const [rule, fired] of snapshot.cooldowns) {
    if (core.byId.has(rule) && !freed.has(rule)) state.cooldowns.set(rule, new Map(fired));
  }
  rebuildTimers(state);
  return state;
}

/**
 * The state for another set of rules, on a reload: what a restart would keep, the pods as they are
 * known, and what was counted quietly, whose numbers only grow. The old state is not changed.
 */
export function carryState(from: RulesCore, to: RulesCore, state: RulesState): RulesState {
  const next = restoreState(to, JSON.parse(JSON.stringify(saveState(from, state))));
  for (const [uid, entry] of next.pods.byUid) {
    entry.fact = state.pods.byUid.get(uid)?.fact ?? entry.fact;
  }
  for (const [rule, counts] of state.quiet) next.quiet.set(rule, new Map(counts));
  return next;
}

/**
 * Forgets every pod but these: call when the first list after a restore is complete, for the pods
 * that went while nobody watched.
 */
export function keepOnlyPods(state: RulesState, uids: ReadonlySet<string>): void {
  for (const uid of [...state.pods.byUid.keys()]) {
    if (!uids.has(uid)) removePod(state.pods, uid);
  }
}

function memosOf(entry: PodEntry): [string, string, Memo][] {
  return [...entry.memos].flatMap(([container, memos]) =>
    [...memos].map(([rule, memo]): [string, string, Memo] => [container, rule, memo]),
  );
}

/**
 * Notes a firing that a journal knows of and the snapshot does not: the rule cools down from then
 * on. Older than what is known, or of a rule that is gone: no effect.
 */
export function noteFired(
  core: RulesCore,
  state: RulesState,
  fired: { rule: string; target: Target; atMs: number },
): void {
  const rule = core.byId.get(fired.rule);
  const key = describeTarget(fired.target);
  const knownMs = state.cooldowns.get(fired.rule)?.get(key) ?? Number.NEGATIVE_INFINITY;
  if (!rule || fired.atMs <= knownMs) return;
  const { cooldownMs } = rule.limits;
  startCooldown(state.cooldowns, { rule: rule.id, key, cooldownMs }, fired.atMs);
}

/** After a refusal the rule may fire again this soon, unless its cooldown is shorter still. */
const REFUSED_AGAIN_MS = 30_000;

/**
 * Refusals that half a minute does not cure. The rule is tried again when its own cooldown is over:
 * every 30 s it would fill journal and log with the same words for days.
 */
const LASTING: ReadonlySet<ReasonCode> = new Set([
  'denied',
  'freeze-too-long',
  'name-too-long',
  'probe-budget',
  'uncapturable',
]);

/**
 * Takes a firing back that led to no capture because a guard or dispatch refused it: once-a-life
 * does not count it, and the rule cools down for 30 s at most, unless the reason is a lasting one.
 * Without this a container that was refused once, for a disk that was low for a minute, would not
 * be captured before its next life.
 */
export function noteRefused(
  core: RulesCore,
  state: RulesState,
  refused: { rule: string; target: Target; reason: ReasonCode },
  nowMs: number,
): void {
  const rule = core.byId.get(refused.rule);
  const entry = state.pods.byUid.get(refused.target.podUid);
  // Without a cooldown nothing would space the tries: such a rule waits for its next occasion.
  if (!rule || rule.limits.cooldownMs === 0) return;
  const { cooldownMs } = rule.limits;
  if (!LASTING.has(refused.reason)) {
    const endsMs = nowMs + Math.min(cooldownMs, REFUSED_AGAIN_MS);
    const key = describeTarget(refused.target);
    startCooldown(state.cooldowns, { rule: rule.id, key, cooldownMs }, endsMs - cooldownMs);
  }
  const memo = entry && memoOf(entry, refused.target.container, rule.id);
  if (memo?.kind === 'memory' && memo.containerId === refused.target.containerId) {
    takeBackFiring(memo);
  }
}

/** Rules that only observed when the snapshot was made, and enforce now. */
function freedRules(core: RulesCore, { observed = [] }: RulesSnapshot): ReadonlySet<string> {
  return new Set(
    observed.filter((id) => {
      const rule = core.byId.get(id);
      return rule !== undefined && !isObserved(core, rule);
    }),
  );
}

function takeBackFiring(memo: Memo): void {
  if (memo.kind !== 'memory') return;
  memo.firedMs = undefined;
  memo.reported = undefined;
}

const countWindow = z.array(z.tuple([z.number(), z.number()]));
const summary = z.looseObject({ kind: z.string(), text: z.string(), data: z.looseObject({}) });

const memoSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('memory'),
    containerId: z.string(),
    aboveSinceMs: z.number().optional(),
    firedMs: z.number().optional(),
    reported: z.string().optional(),
    dueMs: z.number().optional(),
    sample: z
      .looseObject({
        kind: z.literal('memory'),
        usedRatio: z.number(),
        levels: z.array(z.looseObject({ usedBytes: z.number(), limitBytes: z.number() })),
      })
      .optional(),
  }),
  z.object({ kind: z.literal('event'), counts: countWindow }),
  z.object({
    kind: z.literal('crashLoop'),
    restarts: countWindow,
    countedEnd: z.string().optional(),
    arm: z
      .object({
        containerId: z.string().optional(),
        dueMs: z.number().optional(),
        expiresMs: z.number(),
        signal: summary,
      })
      .optional(),
  }),
]);

const snapshotSchema = z.object({
  version: z.literal(VERSION),
  nowMs: z.number().nullable(),
  fingerprints: z.record(z.string(), z.string()),
  pods: z.array(
    z.object({
      fact: z.looseObject({
        namespace: z.string(),
        name: z.string(),
        uid: z.string(),
        labels: z.record(z.string(), z.string()),
        containers: z.array(
          z.looseObject({
            name: z.string(),
            type: z.string(),
            restartCount: z.number(),
            state: z.looseObject({ kind: z.enum(['waiting', 'running', 'terminated']) }),
            probes: z.array(z.looseObject({ type: z.string() })),
          }),
        ),
      }),
      memos: z.array(z.tuple([z.string(), z.string(), memoSchema])),
    }),
  ),
  cooldowns: z.array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.number()]))])),
  observed: z.array(z.string()).optional(),
});
