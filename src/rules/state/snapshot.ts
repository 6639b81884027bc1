import * as z from 'zod';
import { StillpointError } from '../../base/index.ts';
import type { PodFact } from '../../signal/index.ts';
import { isObserved, type RulesCore } from '../core.ts';
import { ruleFingerprint } from '../fingerprint.ts';
import { AgedMap } from './aged-map.ts';
import type { Firing } from './budgets.ts';
import { takeBackFiring } from './firings.ts';
import type { Memo } from './memo.ts';
import {
  type NodeMemoryMemo,
  nodeMemoryMemoSchema,
  takeBackNodeFiring,
} from './node-memory-memo.ts';
import { type PodEntry, putPod, removePod, setMemo } from './pod-table.ts';
import { createRulesState, type RulesState, rebuildTimers } from './state.ts';

const VERSION = 1;

/** The state as plain data for JSON: pods, memos, cooldowns, budgets. Counters and timers are left out. */
export interface RulesSnapshot {
  version: typeof VERSION;
  /** The latest time seen; null (JSON has no -Infinity) when nothing was seen yet. */
  nowMs: number | null;
  /** By rule id: memos hold only for a rule that decides alike. */
  fingerprints: Record<string, string>;
  pods: { fact: PodFact; memos: [container: string, rule: string, memo: Memo][] }[];
  cooldowns: [rule: string, fired: [scope: string, firedMs: number][]][];
  /** Absent = nothing was counted. */
  budgets?: [rule: string, fired: [scope: string, firings: Firing[]][]][];
  /** Absent = no rule on the node's memory remembers anything. */
  nodeMemory?: [rule: string, memo: NodeMemoryMemo][];
  /** Rules that only said what they would have captured; absent = none. */
  observed?: string[];
}

/**
 * The state as plain data. It shares parts with the state: make JSON of it before the next step.
 * Of the annotations of pods only those are kept that an expression looks at: one pod may hold
 * 256 KiB of them, and the first list after a restart brings them back.
 */
export function saveState(core: RulesCore, state: RulesState): RulesSnapshot {
  return {
    version: VERSION,
    nowMs: Number.isFinite(state.nowMs) ? state.nowMs : null,
    fingerprints: Object.fromEntries(core.rules.map((rule) => [rule.id, ruleFingerprint(rule)])),
    pods: [...state.pods.byUid.values()].map((entry) => ({
      fact: { ...entry.fact, annotations: namedAnnotations(core, entry.fact) },
      memos: memosOf(entry),
    })),
    cooldowns: [...state.cooldowns].map(([rule, fired]) => [rule, [...fired]]),
    budgets: [...state.budgets].map(([rule, fired]) => [rule, [...fired]]),
    nodeMemory: [...state.nodeMemory],
    observed: core.rules.filter((rule) => isObserved(core, rule)).map(({ id }) => id),
  };
}

/**
 * A new state from parsed JSON of saveState. For another set of rules too: cooldowns and budgets stay with
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
      if (core.byId.has(rule) && isAlike.get(rule)) setMemo(entry, container, rule, memo);
    }
  }
  for (const [rule, fired] of snapshot.cooldowns) {
    if (core.limits.has(rule) && !freed.has(rule)) state.cooldowns.set(rule, new AgedMap(fired));
  }
  for (const [rule, fired] of snapshot.budgets ?? []) {
    if (core.limits.get(rule)?.budget && !freed.has(rule)) {
      state.budgets.set(rule, new AgedMap(fired));
    }
  }
  for (const [rule, memo] of snapshot.nodeMemory ?? []) {
    if (freed.has(rule)) takeBackNodeFiring(memo);
    if (core.byId.has(rule) && isAlike.get(rule)) state.nodeMemory.set(rule, memo);
  }
  rebuildTimers(state);
  return state;
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

function namedAnnotations({ rules }: RulesCore, { annotations }: PodFact): Record<string, string> {
  const wanted = rules.flatMap(({ where }) => where?.annotations ?? []);
  const named = Object.entries(annotations).filter(([key]) =>
    wanted.some((keys) => keys === 'all' || keys.has(key)),
  );
  return Object.fromEntries(named);
}

function memosOf(entry: PodEntry): [string, string, Memo][] {
  return [...entry.memos].flatMap(([container, memos]) =>
    [...memos].map(([rule, memo]): [string, string, Memo] => [container, rule, memo]),
  );
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
    kind: z.literal('probe'),
    containerId: z.string(),
    counted: z.number(),
    told: z.number(),
    toldMs: z.number().optional(),
    judged: z.number(),
    reported: z.string().optional(),
  }),
  z.object({ kind: z.literal('request'), token: z.string() }),
  z.object({
    kind: z.literal('sequence'),
    chains: z.array(z.array(z.object({ atMs: z.number(), text: z.string() }))),
  }),
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
  budgets: z
    .array(
      z.tuple([
        z.string(),
        z.array(z.tuple([z.string(), z.array(z.tuple([z.number(), z.string()]))])),
      ]),
    )
    .optional(),
  nodeMemory: z.array(z.tuple([z.string(), nodeMemoryMemoSchema])).optional(),
  observed: z.array(z.string()).optional(),
});
