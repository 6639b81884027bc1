import * as z from 'zod';
import type { ReasonCode } from '../../signal/index.ts';

/**
 * What a rule on the node's memory remembers: of the node, not of a container, so one a rule. Plain
 * data, saved as it is.
 */
export interface NodeMemoryMemo {
  /** Since when less has been available than the rule waits for; absent while there is more. */
  belowSinceMs?: number;
  /** The life that it fired for; absent again when memory has come back or that life has ended. */
  fired?: { podUid: string; container: string; containerId: string; atMs: number };
  /** What was said last, so that each sample does not say it again. */
  said?: { reason: ReasonCode; containerId: string; atMs: number };
}

/** By rule id. */
export type NodeMemoryMemos = Map<string, NodeMemoryMemo>;

/** Moves every time by `byMs`, for a clock that was set. */
export function shiftNodeMemory(memos: NodeMemoryMemos, byMs: number): void {
  for (const memo of memos.values()) {
    if (memo.belowSinceMs !== undefined) memo.belowSinceMs += byMs;
    if (memo.fired) memo.fired.atMs += byMs;
    if (memo.said) memo.said.atMs += byMs;
  }
}

/** What was a firing, for that container where one is given, is none: the rule may fire again. */
export function takeBackNodeFiring(memo: NodeMemoryMemo, containerId?: string): void {
  if (containerId !== undefined && memo.fired?.containerId !== containerId) return;
  memo.fired = undefined;
  memo.said = undefined;
}

/** Of a snapshot. */
export const nodeMemoryMemoSchema = z.object({
  belowSinceMs: z.number().optional(),
  fired: z
    .object({
      podUid: z.string(),
      container: z.string(),
      containerId: z.string(),
      atMs: z.number(),
    })
    .optional(),
  said: z.object({ reason: z.string(), containerId: z.string(), atMs: z.number() }).optional(),
});
