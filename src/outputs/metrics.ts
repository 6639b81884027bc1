import type { CaptureOutcome } from '../capture/index.ts';
import type { Decision } from '../rules/index.ts';
import type { SignalKind } from '../signal/index.ts';
import { createInstruments, type Instruments } from './metrics-registry.ts';
import type { Output, TriggerOutcome } from './output.ts';

/** What is read at the moment of a scrape, because it is a state and not an event. */
export interface AgentLevels {
  /** Triggers that wait for their turn. */
  waiting: number;
  rules: number;
  archives: { ours: number; oursBytes: number; foreign: number; foreignBytes: number };
  disk: { availableBytes: number; floorBytes: number };
}

/** A source, an output or a connection that is asked at each scrape. */
export interface Watched {
  readonly name: string;
  /** Named states only; `undefined` where there is none. */
  state?(): string;
  dropped?(): Readonly<Record<string, number>>;
}

/** The metrics `stillpoint_*`, with methods named by what happened. */
export interface Metrics extends Output {
  signalSeen(kind: SignalKind): void;
  /** Each capture outcome, archived or not; `ended` counts what comes after it. */
  captured(outcome: CaptureOutcome): void;
  removed(policy: string, bytes: number): void;
  rulesRefused(): void;
  watch(watched: Watched): void;
  /** Asked once a scrape; where it fails the old values stay and the state `levels` is `stale`. */
  measure(read: () => AgentLevels | Promise<AgentLevels>): void;
  /** The text that Prometheus scrapes. */
  text(): Promise<{ contentType: string; body: string }>;
}

export async function createMetrics(version: string): Promise<Metrics> {
  const instruments = await createInstruments();
  instruments.build.set({ version, node_version: process.versions.node }, 1);
  return new PromMetrics(instruments);
}

class PromMetrics implements Metrics {
  readonly name = 'metrics';
  private readonly on: Instruments;
  private readonly watched: Watched[] = [];
  private read: (() => AgentLevels | Promise<AgentLevels>) | undefined;

  constructor(instruments: Instruments) {
    this.on = instruments;
  }

  signalSeen(kind: SignalKind): void {
    this.on.signals.inc({ kind });
  }

  decided({ verdict, reason }: Decision): void {
    this.on.decisions.inc({ verdict, reason });
  }

  captured(outcome: CaptureOutcome): void {
    const { on } = this;
    const { kind: result } = outcome;
    if (outcome.kind === 'refused') {
      on.captures.inc({ result, backend: 'none' });
      on.refusals.inc({ stage: 'guard', reason: outcome.reason });
      return;
    }
    const { backend, timings, thaw, trigger } = outcome;
    on.captures.inc({ result, backend });
    if (outcome.kind === 'failed') on.failures.inc({ class: outcome.failure });
    if (thaw?.end === 'stuck') on.stuck.inc();
    on.captureSeconds.observe({ result, backend }, timings.checkpointMs / 1_000);
    if (timings.frozenMs !== undefined) {
      on.frozenSeconds.observe({ backend }, timings.frozenMs / 1_000);
    }
    const signal = trigger.decisions[0]?.signal;
    if (signal === undefined) return;
    const reactionMs = timings.startedAtMs + timings.guardMs - signal.seenMs;
    // The wall clock may have been set back in between.
    on.reactionSeconds.observe({ kind: signal.kind }, Math.max(0, reactionMs) / 1_000);
  }

  ended(outcome: TriggerOutcome): void {
    if (outcome.kind === 'archived') {
      this.on.archived.inc({ result: outcome.record.verified });
      this.on.verifySeconds.observe(outcome.record.timings.verifyMs / 1_000);
    } else if (outcome.kind === 'broken') {
      this.on.archived.inc({ result: 'broken' });
    } else if (outcome.kind === 'not-accepted') {
      this.on.refusals.inc({ stage: 'dispatch', reason: outcome.reason });
    }
  }

  removed(policy: string, bytes: number): void {
    this.on.removed.inc({ policy });
    this.on.removedBytes.inc({ policy }, bytes);
  }

  rulesRefused(): void {
    this.on.rulesRefused.inc();
  }

  watch(watched: Watched): void {
    this.watched.push(watched);
  }

  measure(read: () => AgentLevels | Promise<AgentLevels>): void {
    this.read = read;
  }

  async text(): Promise<{ contentType: string; body: string }> {
    const { on } = this;
    const levels = await this.refreshLevels();
    on.memory.set(process.memoryUsage.rss());
    on.state.reset();
    on.dropped.reset();
    on.state.set({ of: 'levels', state: levels }, 1);
    for (const { name, state, dropped } of this.watched) {
      if (state) on.state.set({ of: name, state: state() }, 1);
      for (const [reason, count] of Object.entries(dropped?.() ?? {})) {
        on.dropped.inc({ by: name, reason }, count);
      }
    }
    return { contentType: on.registry.contentType, body: await on.registry.metrics() };
  }

  dropped(): Readonly<Record<string, number>> {
    return {};
  }

  async stop(): Promise<void> {
    // Nothing runs: a scrape asks, the metrics do not send.
  }

  /** One failing reader must not take the other metrics away. */
  private async refreshLevels(): Promise<'absent' | 'fresh' | 'stale'> {
    if (this.read === undefined) return 'absent';
    try {
      this.setLevels(await this.read());
      return 'fresh';
    } catch {
      return 'stale';
    }
  }

  private setLevels({ waiting, rules, archives, disk }: AgentLevels): void {
    const { on } = this;
    on.waiting.set(waiting);
    on.rules.set(rules);
    on.archives.set({ owner: 'ours' }, archives.ours);
    on.archives.set({ owner: 'foreign' }, archives.foreign);
    on.archiveBytes.set({ owner: 'ours' }, archives.oursBytes);
    on.archiveBytes.set({ owner: 'foreign' }, archives.foreignBytes);
    on.disk.set({ what: 'available' }, disk.availableBytes);
    on.disk.set({ what: 'floor' }, disk.floorBytes);
  }
}
