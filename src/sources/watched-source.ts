import type { Clock } from '../base/index.ts';
import type { ListWatch, ListWatchState } from '../kube/index.ts';
import type { OnStatus, Source, SourceStatus } from './source.ts';

/** What a source that is fed by one list/watch needs. */
export interface WatchedSourceOptions {
  name: string;
  clock: Clock;
  onStatus: OnStatus;
  /** Starts the list/watch; `onState` must be told of each of its states. */
  begin(onState: (state: ListWatchState) => void): ListWatch;
}

/** A Source whose life is that of one list/watch. */
export interface WatchedSource extends Source {
  /** Counts something that was left out. */
  drop(reason: string): void;
  liveUntilMs(): number | undefined;
}

export function createWatchedSource(options: WatchedSourceOptions): WatchedSource {
  const { name, clock, onStatus } = options;
  const dropped: Record<string, number> = {};
  let status: SourceStatus = { state: 'starting' };
  let running: ListWatch | undefined;
  const enter = (next: SourceStatus) => {
    status = next;
    onStatus(name, next);
  };
  const onState = (state: ListWatchState) => {
    const next = nextStatus(status, state, clock.wallMs());
    if (next !== status) enter(next);
  };
  return {
    name,
    async start() {
      enter(status);
      running = options.begin(onState);
    },
    async stop() {
      await running?.stop();
      if (status.state !== 'stopped') enter({ state: 'stopped' });
    },
    status: () => status,
    dropped: () => ({ ...dropped }),
    drop(reason) {
      dropped[reason] = (dropped[reason] ?? 0) + 1;
    },
    liveUntilMs: () => running?.liveUntilMs(),
  };
}

/** The source's status after its list/watch has entered `state`; the same object = no change. */
function nextStatus(status: SourceStatus, state: ListWatchState, nowMs: number): SourceStatus {
  switch (state.state) {
    case 'listing':
      return status;
    case 'watching':
      return status.state === 'live' ? status : { state: 'live', sinceMs: nowMs };
    case 'backingOff': {
      const { code, message, hint } = state.error;
      const reason = `${message} (${code}). ${hint}`;
      if (status.state !== 'degraded') return { state: 'degraded', sinceMs: nowMs, reason };
      return status.reason === reason ? status : { ...status, reason };
    }
    case 'stopped':
      return { state: 'stopped' };
  }
}
