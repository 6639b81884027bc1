import { messageOf } from '../../base/index.ts';
import type { CgroupHints, Cgroups, ContainerCgroup } from '../../node/index.ts';
import type { Target } from '../../signal/index.ts';
import { type Crossing, Crossings } from './crossings.ts';
import type { Filling } from './judge.ts';
import type { Level, LevelTable } from './level.ts';

/** One container that memory rules look at. */
export interface MemoryWatch {
  target: Target;
  /** What finds its cgroup, or the cgroup itself. */
  cgroup: CgroupHints | ContainerCgroup;
  /** From this used/limit on (0..1) a signal is emitted at each sample: the lowest of its rules. */
  alarmRatio: number;
  /** Once in alarm it stays so until it is below this; absent = below alarmRatio. */
  clearRatio?: number;
  /** Every share that a rule waits for, ascending, to look closely near each; absent = alarmRatio. */
  crossings?: readonly Crossing[];
  /** In alarm also when one of these holds. */
  fillings?: readonly Filling[];
}

const SEEK_EVERY_MS = 1_000;

/**
 * seeking: its cgroup was not found yet, or could not be read; looked for once a second.
 * sampling: its levels are held open. ended: the cgroup was seen and is gone, so the container is
 * dead, or the watch was taken off the list; nothing is held and nothing follows.
 */
type State =
  | { kind: 'seeking'; sinceMs: number; nextTryMs: number; why: string }
  /** From the outermost level to the container's own. */
  | { kind: 'sampling'; levels: readonly Level[] }
  | { kind: 'ended' };

/** A watched container, from its first watch() to the one that leaves it out. */
export class Watched {
  state: State;
  /** The shares that it is above. */
  readonly crossings: Crossings;
  /** Monotonic; set while the last reading was in alarm. */
  alarmSinceMs: number | undefined;
  /** False until the first reading: whoever watches for a fall must hear where it stands. */
  wasRead = false;
  /** Monotonic; sampled fast until then. */
  nearUntilMs = Number.NEGATIVE_INFINITY;
  /** Monotonic; when nearness was last looked into. */
  lookedCloselyMs = Number.NEGATIVE_INFINITY;
  /** Time to the limit at the last reading; the smallest are sampled fast when there are many. */
  fullInMs = Number.POSITIVE_INFINITY;
  /** What lay between the last reading and the next share that is waited for. */
  gapRatio = Number.POSITIVE_INFINITY;
  #watch: MemoryWatch;
  readonly #table: LevelTable;

  constructor(watch: MemoryWatch, table: LevelTable, nowMs: number) {
    this.#watch = watch;
    this.crossings = new Crossings(crossingsOf(watch));
    this.#table = table;
    this.state = seekingState(nowMs, nowMs, 'not looked for yet');
  }

  get watch(): MemoryWatch {
    return this.#watch;
  }

  /** It is watched on, perhaps for other shares. */
  rewatch(watch: MemoryWatch): void {
    this.#watch = watch;
    this.crossings.replace(crossingsOf(watch));
  }

  /** Looks for the cgroup when it is time to. */
  seek(cgroups: Cgroups, nowMs: number): void {
    if (this.state.kind !== 'seeking' || nowMs < this.state.nextTryMs) return;
    const cgroup = locate(cgroups, this.watch.cgroup);
    if (typeof cgroup === 'string') {
      this.state = seekingState(this.state.sinceMs, nowMs + SEEK_EVERY_MS, cgroup);
      return;
    }
    const levels = cgroup.memoryLevels
      .map(({ level, directory }) => this.#table.take(cgroup.version, level, directory))
      .reverse();
    this.state = { kind: 'sampling', levels };
  }

  /** Lets go of the files; the cgroup is looked for again a second later. */
  lose(nowMs: number): void {
    this.#letGo();
    this.state = seekingState(nowMs, nowMs + SEEK_EVERY_MS, 'its memory files cannot be read');
  }

  /** For good: the container is dead, or nobody watches it any more. */
  end(): void {
    this.#letGo();
    this.state = { kind: 'ended' };
  }

  #letGo(): void {
    if (this.state.kind === 'sampling') {
      for (const level of this.state.levels) this.#table.release(level);
    }
    this.alarmSinceMs = undefined;
    this.wasRead = false;
    this.nearUntilMs = Number.NEGATIVE_INFINITY;
    this.fullInMs = Number.POSITIVE_INFINITY;
    this.gapRatio = Number.POSITIVE_INFINITY;
    this.crossings.clear();
  }
}

function crossingsOf({ alarmRatio, crossings }: MemoryWatch): readonly Crossing[] {
  return crossings ?? [{ ratio: alarmRatio }];
}

function seekingState(sinceMs: number, nextTryMs: number, why: string): State {
  return { kind: 'seeking', sinceMs, nextTryMs, why };
}

/** The cgroup, or for people why there is none. */
function locate(cgroups: Cgroups, cgroup: CgroupHints | ContainerCgroup): ContainerCgroup | string {
  if ('memoryLevels' in cgroup) return cgroup;
  try {
    return cgroups.locate(cgroup) ?? 'its cgroup was not found';
  } catch (error) {
    return messageOf(error);
  }
}
