import { type Archives, createArchives, removeImages } from '../archive/index.ts';
import type { Cancel, Clock, Logger, Random } from '../base/index.ts';
import {
  type Backend,
  type Capturer,
  createCapturer,
  createContainerdBackend,
  createCriBackend,
  createFreezeRates,
  createKubeletBackend,
  createKubeletSight,
  createLeftoverImages,
  type KubeletSight,
  type LeftoverImages,
  type Recovered,
  recoverCaptures,
} from '../capture/index.ts';
import { createDispatcher, type Dispatcher } from '../dispatch/index.ts';
import type { GuardLease } from '../lease/index.ts';
import { evictionFloorBytes, readDiskSpace } from '../node/index.ts';
import { createRetention, type Retention } from '../retention/index.ts';
import type { PodFact, Target } from '../signal/index.ts';
import type { Store, TakeFileLock } from '../store/index.ts';
import { type CaptureLine, createCaptureLine } from './capture-line.ts';
import { type CheckpointsDirectory, createCheckpointsDirectory } from './checkpoints-directory.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig, AgentMode } from './config-schema.ts';
import { type Facts, tellAcceptance } from './facts.ts';
import { createKubeletSettings, type KubeletSettings } from './kubelet-settings.ts';
import { createLateArchives, type LateArchives } from './late-archives.ts';
import { requeueAll, takeUpAll } from './recovery.ts';
import { createStuckThaws, type StuckThaws } from './stuck-thaws.ts';

export interface CaptureSideOptions {
  config: AgentConfig;
  clients: Clients;
  store: Store;
  /** Our hold on the guard process; without one nothing is ever frozen by us. */
  lease?: GuardLease;
  /** See createArchives. */
  takeLock?: TakeFileLock;
  facts: Facts;
  podOf(target: Target): PodFact | undefined;
  denyReason(pod: PodFact, target: Target): string | undefined;
  /** Whether rules capture. */
  mode(): AgentMode;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Dispatch, capture, archive and retention: everything from a decision to fire on. */
export interface CaptureSide {
  readonly dispatcher: Dispatcher;
  readonly archives: Archives;
  readonly retention: Retention;
  readonly backends: readonly Backend[];
  readonly kubeletSettings: KubeletSettings;
  readonly directory: CheckpointsDirectory;
  readonly stuck: StuckThaws;
  /**
   * Queues again what waited, and begins to thaw what a crash left standing still. Before all that
   * may take time or bring decisions: nothing that it needs comes from the API server.
   */
  beginRecovery(): void;
  /** Takes up what else was left once all of it runs, then begins to capture. */
  start(): Promise<void>;
  /**
   * Lets a capture end within the grace, then gives it up; gives its proof as long again. Resolves
   * when all containers run and nothing is proved any more.
   */
  stop(graceMs: number): Promise<void>;
}

const DAY_MS = 86_400_000;
/** Longer than any cooldown that a restart must know of, short enough to stay small. */
const JOURNAL_MS = 31 * DAY_MS;
/** A refusal starts no cooldown that outlives it; it is kept for `status` and for people. */
const JOURNAL_REFUSED_MS = DAY_MS;

export function createCaptureSide(options: CaptureSideOptions): CaptureSide {
  return new CaptureSideImpl(options);
}

class CaptureSideImpl implements CaptureSide {
  readonly dispatcher: Dispatcher;
  readonly archives: Archives;
  readonly retention: Retention;
  readonly backends: readonly Backend[];
  readonly kubeletSettings: KubeletSettings;
  readonly directory: CheckpointsDirectory;
  readonly stuck: StuckThaws;
  readonly #options: CaptureSideOptions;
  readonly #line: CaptureLine;
  readonly #late: LateArchives;
  readonly #leftovers: LeftoverImages;
  #cancelPrune: Cancel = () => undefined;
  #recovered: Promise<readonly Recovered[]> = Promise.resolve([]);

  constructor(options: CaptureSideOptions) {
    this.#options = options;
    const { config, clients, store, takeLock, clock, random, log, facts } = options;
    const { runtime, kubelet } = clients;
    const checkpointsDirectory = config.checkpointsDir;
    const sight = createKubeletSight(kubelet, clock);
    this.kubeletSettings = createKubeletSettings(sight.kubelet, clock, log);
    const spareBytes = () => floorBytesOf(checkpointsDirectory, this.kubeletSettings);
    const place = { directory: checkpointsDirectory, memoryDirectory: config.memoryDir };
    this.archives = createArchives({ ...place, store, clock, takeLock, spareBytes });
    const createdMs = clock.wallMs();
    this.#leftovers = createLeftoverImages({ clock, log, remove: removeImages });
    this.backends = createBackends(options, sight, this.#leftovers);
    this.dispatcher = createDispatcher({
      store,
      clock,
      random,
      capturesPerHourMax: config.limits.capturesPerHour,
      waitingMax: config.limits.waiting,
      capture: (trigger, signal) => this.#line.capture(trigger, signal),
      onTrouble: (error) => log.error('dispatch-not-written', { error }),
      onOfferedAnew: (decision, acceptance) => tellAcceptance(facts, decision, acceptance),
    });
    const onArchived = () => this.#sweep('after-capture');
    const { archives, dispatcher } = this;
    const { node } = clients;
    this.stuck = createStuckThaws({
      ...{ runtime, node, clock, random, log },
      journal: dispatcher.journal,
    });
    this.#late = createLateArchives({
      ...options,
      archives,
      onAdopted(triggerId, archivePath) {
        dispatcher.journal.note(triggerId, 'recorded', { archivePath });
        onArchived();
      },
    });
    this.#line = createCaptureLine({
      ...options,
      node: config.node,
      capturer: this.#createCapturer(),
      archives,
      late: this.#late,
      stuck: this.stuck,
      dispatcher: () => this.dispatcher,
      onArchived,
    });
    this.retention = createRetention({
      archives,
      policies: [],
      clock,
      log,
      onReport: (report) => facts.tell({ kind: 'swept', report }),
    });
    this.directory = createCheckpointsDirectory({
      archives,
      journal: this.dispatcher.journal,
      awaited: () => this.#late.awaited(),
      clock,
      log,
      onReady: () => {
        this.#sweep('start');
        void this.#removeLeftLayers(createdMs);
      },
    });
  }

  beginRecovery(): void {
    const { clients, clock, log } = this.#options;
    const { runtime, node } = clients;
    const { dispatcher } = this;
    this.stuck.start();
    const unfinished = dispatcher.journal.unfinished();
    requeueAll({ ...this.#options, dispatcher }, unfinished);
    this.#recovered = recoverCaptures(unfinished, { clock, log, runtime, node });
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    this.kubeletSettings.start();
    await this.directory.start();
    this.retention.start();
    this.#late.start();
    const { dispatcher } = this;
    const options = { ...this.#options, node: config.node, dispatcher };
    const { stuck } = this;
    takeUpAll({ ...options, line: this.#line, late: this.#late, stuck }, await this.#recovered);
    dispatcher.start();
    this.#pruneJournal();
    this.#cancelPrune = this.#options.clock.every(DAY_MS, () => this.#pruneJournal());
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([this.dispatcher.stop(graceMs), this.#recovered]);
    await this.stuck.stop();
    this.#leftovers.stop();
    this.#cancelPrune();
    this.directory.stop();
    this.kubeletSettings.stop();
    await this.#late.stop();
    await this.#line.stop(graceMs);
    await this.retention.stop();
  }

  #pruneJournal(): void {
    const { clock, log } = this.#options;
    try {
      const nowMs = clock.wallMs();
      const before = { endedMs: nowMs - JOURNAL_MS, refusedMs: nowMs - JOURNAL_REFUSED_MS };
      this.dispatcher.journal.prune(before);
    } catch (error) {
      log.error('journal-not-pruned', { error });
    }
  }

  #createCapturer(): Capturer {
    const { config, clients, store, lease, podOf, denyReason, clock, log } = this.#options;
    return createCapturer({
      clock,
      log,
      lease,
      memoryDirectory: config.memoryDir,
      runtime: clients.runtime,
      node: clients.node,
      podOf,
      denyReason,
      places: {
        checkpointsDirectory: config.checkpointsDir,
        runtimeRoot: config.runtime.root,
        runtimeTmp: config.runtime.tmp,
      },
      directoryProblem: () => this.directory.problem(),
      evictionHard: () => this.kubeletSettings.evictionHard(),
      backends: this.backends,
      rates: createFreezeRates(store, log),
      journal: { note: (...note) => this.dispatcher.journal.note(...note) },
    });
  }

  /** Of an agent before that was killed; without an answer the runtime forgets them in an hour. */
  async #removeLeftLayers(beforeMs: number): Promise<void> {
    const { clients, log } = this.#options;
    try {
      const count = await clients.runtime?.containerd.removeRootfsDiffsBefore(beforeMs);
      if (count) log.warn('layers-left', { count });
    } catch (error) {
      log.debug('layers-left-unknown', { error });
    }
  }

  #sweep(reason: 'after-capture' | 'start'): void {
    if (this.directory.problem() !== undefined) return;
    this.retention.runOnce(reason).catch((error) => {
      this.#options.log.error('retention-failed', { reason, error });
    });
  }
}

/** All that there are, on this node or not. */
function createBackends(
  { config, clients, lease, clock, log }: CaptureSideOptions,
  sight: KubeletSight,
  leftovers: LeftoverImages,
): Backend[] {
  const { runtime, node } = clients;
  const checkpointsDirectory = config.checkpointsDir;
  const common = { clock, checkpointsDirectory };
  return [
    createContainerdBackend({
      ...{ ...common, runtime, node, lease, leftovers, log },
      contentRoot: config.runtime.root,
    }),
    createCriBackend({ runtime, clock }),
    createKubeletBackend({ ...common, sight }),
  ];
}

/** What must stay free, or the kubelet evicts pods. */
function floorBytesOf(directory: string, settings: Pick<KubeletSettings, 'evictionHard'>): number {
  return evictionFloorBytes(settings.evictionHard(), readDiskSpace(directory));
}
