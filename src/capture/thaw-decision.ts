import type { TaskState } from '../cri/index.ts';
import type { FreezerState } from '../node/index.ts';

/** What is known about a container after a checkpoint, from its state alone, never from a reply. */
export interface ThawFacts {
  /** `unsupported`: no task API here (CRI-O, no socket). `unknown`: the runtime does not answer. */
  task: TaskState | 'gone' | 'unsupported';
  /** `unseen`: the cgroup tree is not visible from here. */
  freezer: FreezerState | 'gone' | 'unseen';
  /** A process of it is traced: CRIU is at work. */
  traced: boolean;
  /** It was frozen before our capture began: never ours to thaw. */
  frozenBefore: boolean;
  /** The checkpoint was given up or cut off: CRIU may go on, and may freeze it again. */
  mayFinishLater: boolean;
  /**
   * Known to have been frozen by us, by Tasks.Pause or by the cgroup's file, and left so: there is
   * nobody else to wait for.
   */
  frozenBy?: 'task' | 'freezer';
  /** How long task, freezer and tracer have been the same, ms. */
  unchangedMs: number;
}

/** How a thaw check ends well. */
export type ThawEnd = 'runs' | 'gone' | 'frozen-before' | 'unchecked';

/** What to do now. */
export type ThawStep =
  | { act: 'end'; end: ThawEnd }
  | { act: 'wait' }
  /** Tasks.Resume. */
  | { act: 'resume' }
  /** Freeze by the cgroup, then Tasks.Resume: the cure of {paused, thawed}. */
  | { act: 'freeze-and-resume' }
  /** Write the freezer file. */
  | { act: 'thaw-freezer' };

export type ThawAct = ThawStep['act'];

interface ThawRow {
  name: string;
  when: (facts: ThawFacts) => boolean;
  step: ThawStep;
}

/** Nothing may change for this long before a state counts as stuck, or as settled. */
export const SETTLED_MS = 2_000;

/** {running, frozen} after a call that ended: CRIU's own freezes last 100 ms at most. */
const FREEZE_SPELL_MS = 500;

/** A runtime that restarts is back within this; longer no container waits for its word. */
const RUNTIME_AWAY_MS = 10_000;

/** What is surely ours to thaw waits no longer than it takes to ask once more. */
const RUNTIME_AWAY_OURS_MS = 250;

const isFrozen = ({ freezer }: ThawFacts) => freezer === 'frozen' || freezer === 'freezing';
const mayRun = ({ task }: ThawFacts) =>
  task === 'running' || task === 'created' || task === 'unsupported';

/** The table: the first row that holds counts, the last of each group is the plain case. */
export const thawRows: readonly ThawRow[] = [
  {
    // Removed with its cgroup, or stopped: nothing is left that could stand still.
    name: 'gone',
    when: ({ task, freezer }) => task === 'gone' || task === 'stopped' || freezer === 'gone',
    step: { act: 'end', end: 'gone' },
  },
  {
    name: 'frozen by somebody else before us',
    when: ({ frozenBefore }) => frozenBefore,
    step: { act: 'end', end: 'frozen-before' },
  },
  {
    name: 'neither task nor freezer can be seen',
    when: ({ task, freezer }) => task === 'unsupported' && freezer === 'unseen',
    step: { act: 'end', end: 'unchecked' },
  },
  {
    // A frozen container cannot wait for a runtime that stays away. What its shim believes is
    // put right by a later row, once the runtime answers.
    name: 'frozen, the runtime stays away',
    when: (facts) =>
      facts.task === 'unknown' &&
      isFrozen(facts) &&
      !facts.traced &&
      facts.unchangedMs >= (facts.frozenBy ? RUNTIME_AWAY_OURS_MS : RUNTIME_AWAY_MS),
    step: { act: 'thaw-freezer' },
  },
  {
    // No task was paused, so the file is all there is to undo, whether the runtime answers or not.
    name: 'frozen by our own write',
    when: (facts) =>
      facts.frozenBy === 'freezer' &&
      facts.task !== 'paused' &&
      facts.task !== 'pausing' &&
      isFrozen(facts) &&
      !facts.traced,
    step: { act: 'thaw-freezer' },
  },
  {
    name: 'the runtime does not answer yet',
    when: ({ task }) => task === 'unknown',
    step: { act: 'wait' },
  },
  {
    name: 'a pause is under way',
    when: ({ task, unchangedMs }) => task === 'pausing' && unchangedMs < SETTLED_MS,
    step: { act: 'wait' },
  },
  {
    // Resume would fail, and CRIU would freeze again at its end.
    name: 'paused and frozen, CRIU goes on',
    when: (facts) =>
      facts.task === 'paused' && facts.freezer !== 'thawed' && facts.traced && facts.mayFinishLater,
    step: { act: 'wait' },
  },
  {
    name: 'paused and frozen',
    when: (facts) =>
      facts.task === 'pausing' ||
      (facts.task === 'paused' && (isFrozen(facts) || facts.freezer === 'unseen')),
    step: { act: 'resume' },
  },
  {
    // Also the normal look while CRIU works: it thaws the freezer and holds by ptrace.
    name: 'paused but thawed, CRIU works',
    when: ({ task, traced }) => task === 'paused' && traced,
    step: { act: 'wait' },
  },
  {
    name: 'paused but thawed, not settled',
    when: ({ task, unchangedMs }) => task === 'paused' && unchangedMs < SETTLED_MS,
    step: { act: 'wait' },
  },
  {
    // CRIU was killed: the processes run, the shim refuses Resume and Pause for ever.
    name: 'paused but thawed, stuck',
    when: ({ task }) => task === 'paused',
    step: { act: 'freeze-and-resume' },
  },
  {
    name: 'running but frozen, CRIU works',
    when: (facts) => mayRun(facts) && isFrozen(facts) && facts.traced,
    step: { act: 'wait' },
  },
  {
    // CRIU's own freeze, or a runtime without tasks that still writes the archive.
    name: 'running but frozen, not settled',
    when: (facts) =>
      mayRun(facts) &&
      isFrozen(facts) &&
      facts.unchangedMs < (facts.mayFinishLater ? SETTLED_MS : FREEZE_SPELL_MS),
    step: { act: 'wait' },
  },
  {
    // CRIU was killed while it had frozen the cgroup itself; Resume says that it runs.
    name: 'running but frozen, stuck',
    when: (facts) => mayRun(facts) && isFrozen(facts),
    step: { act: 'thaw-freezer' },
  },
  {
    name: 'runs, but the checkpoint may freeze it again',
    when: ({ mayFinishLater, traced, unchangedMs }) =>
      mayFinishLater && (traced || unchangedMs < SETTLED_MS),
    step: { act: 'wait' },
  },
  { name: 'runs', when: () => true, step: { act: 'end', end: 'runs' } },
];

/** The row that applies. Pure. */
export function decideThaw(facts: ThawFacts): { row: string; step: ThawStep } {
  for (const { name, when, step } of thawRows) {
    if (when(facts)) return { row: name, step };
  }
  return { row: 'runs', step: { act: 'end', end: 'runs' } };
}
