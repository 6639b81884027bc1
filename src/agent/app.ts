import { dirname, join } from 'node:path';
import {
  type Cleanup,
  type Clock,
  closeToOthers,
  createCleanup,
  type Logger,
  type Random,
} from '../base/index.ts';
import type { GuardLease } from '../lease/index.ts';
import type { NodeProbe } from '../node/index.ts';
import { quietCounts } from '../rules/index.ts';
import { openStore, type Store, type TakeFileLock } from '../store/index.ts';
import { createApiRoutes } from './api-routes.ts';
import { createApiServer } from './api-server.ts';
import type { AgentStatus } from './api-types.ts';
import { type CaptureSide, createCaptureSide } from './capture-side.ts';
import { type Clients, createClients } from './clients.ts';
import type { AgentConfig } from './config-schema.ts';
import { type ConfigSource, type ConfigWatch, createConfigWatch } from './config-watch.ts';
import { createDecisionSide, type DecisionSide, denyReasonOf, podOf } from './decision-side.ts';
import { createFacts, type Fact, type Facts } from './facts.ts';
import { createGuardSide, type GuardSide } from './guard-side.ts';
import { createHttp } from './http.ts';
import { createObserved, type Observed } from './observed.ts';
import { countArchives, diskOf, readStatus } from './status.ts';
import { createTell } from './tell.ts';

/** What an agent is made of. */
export interface AgentOptions {
  config: AgentConfig;
  env: Readonly<Record<string, string | undefined>>;
  version: string;
  clock: Clock;
  random: Random;
  log: Logger;
  /** The state database, closed by the agent; default `state.db` in the state directory. */
  store?: Store;
  /** The machine; default: where the configuration says that its files are. */
  node?: NodeProbe;
  /** How the checkpoints directory is locked; default: by the operating system. */
  takeLock?: TakeFileLock;
  /** Where the configuration came from; absent: its changes are not looked for. */
  configSource?: ConfigSource;
  /** Hears every fact from the very first on, those of the start too. */
  onFact?(fact: Fact): void;
}

/** The agent of one node. */
export interface Agent {
  /** Everything that happens from now on, for those who want to know. */
  readonly facts: Facts;
  status(): Promise<AgentStatus>;
  /** Where the HTTP server listens. */
  http(): { address: string; port: number };
  /**
   * Ends in order: no new signal, the capture under way ends or is given up safely, outputs are
   * flushed. Resolves when nothing runs any more; may be called twice.
   */
  stop(): Promise<void>;
}

/** A capture that is under way at the stop may end by itself within this time. */
export const STOP_GRACE_MS = 20_000;

/**
 * Makes and starts an agent. API server, kubelet, runtime and NATS may all be away: their sources
 * are `degraded` then, say so, and try again. Errors, after everything was undone: `bad-config`,
 * `store`, `conflict` (another agent runs here).
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { clock, log } = options;
  const cleanup = createCleanup();
  try {
    return await start(options, cleanup);
  } catch (error) {
    const failed = await cleanup.run();
    for (const { what, error: cause } of failed) log.error('undo-failed', { what, error: cause });
    log.error('start-failed', { error, atMs: clock.wallMs() });
    throw error;
  }
}

async function start(options: AgentOptions, cleanup: Cleanup): Promise<Agent> {
  const { config, clock, log, version } = options;
  const startedMs = clock.wallMs();
  log.info('starting', { version, node: config.node });
  const facts = createFacts(clock, (error) => log.error('listener-failed', { error }));
  if (options.onFact) facts.listen(options.onFact);
  closeToOthers([config.stateDir, dirname(config.socket), config.checkpointsDir], log);
  const store = options.store ?? openStore(join(config.stateDir, 'state.db'));
  cleanup.add('state database', () => store.close());
  const clients = await createClients(options);
  cleanup.add('clients', () => clients.close());
  const tell = await createTell({ ...options, clients, facts });
  cleanup.add('outputs', () => tell.stop());

  const guard = createGuardSide(options);
  cleanup.add('guard', () => guard.stop());
  const parts = createSides({ ...options, clients, store, facts, lease: guard.lease });
  const { captures, decisions, watch } = parts;
  const status = statusReader(options, startedMs, { ...parts, guard }, createObserved(facts));
  watchWithMetrics(tell, config, { ...parts, guard });
  cleanup.add('checkpoints directory', () => captures.directory.release());
  await captures.directory.claim();

  const api = createApiServer(
    config.socket,
    createApiRoutes({
      ...options,
      intake: decisions.intake,
      dispatcher: captures.dispatcher,
      archives: captures.archives,
      retention: captures.retention,
      facts,
      status,
      explain: (query) => decisions.explain(query),
    }),
    (error) => log.error('socket-trouble', { error }),
    clock,
  );
  await api.start();
  cleanup.add('socket', () => api.stop());
  const http = createHttp({
    ...options,
    config: config.http,
    whyNotReady: () => whyNotReady(decisions),
    metrics: tell.metrics,
    webhook: decisions.sources.webhook,
  });
  const address = await http.start();
  cleanup.add('http', () => http.stop());
  cleanup.add('captures', () => captures.stop(STOP_GRACE_MS));
  cleanup.add('sources', () => decisions.stop());
  cleanup.add('configuration', async () => watch.stop());
  captures.beginRecovery();
  await decisions.start();
  await captures.start();
  watch.start();
  const { node, socket } = config;
  log.info('started', { mode: watch.mode(), node, http: address, socket });
  let stopping: Promise<void> | undefined;
  // A second call must not take away what the first one's capture still needs.
  const stopOnce = () => (stopping ??= stop(cleanup, log));
  return { facts, status, http: () => address, stop: stopOnce };
}

/** Everything before a capture is wanted, everything after, and whether rules capture at all. */
interface Sides {
  captures: CaptureSide;
  decisions: DecisionSide;
  watch: ConfigWatch;
}

function createSides(
  options: AgentOptions & { clients: Clients; store: Store; facts: Facts; lease?: GuardLease },
): Sides {
  // The sides know each other only through these calls.
  let decisions: DecisionSide | undefined;
  const watch = createConfigWatch({
    ...options,
    source: options.configSource,
    onMode: () => decisions?.modeChanged(),
  });
  const mode = () => watch.mode();
  const captures = createCaptureSide({
    ...options,
    mode,
    podOf: (target) => decisions && podOf(decisions.intake, target),
    denyReason: (pod) => decisions && denyReasonOf(decisions.intake, pod),
  });
  decisions = createDecisionSide({
    ...options,
    mode,
    dispatcher: captures.dispatcher,
    onPolicies: (policies) => captures.retention.setPolicies(policies),
  });
  return { captures, decisions, watch };
}

async function stop(cleanup: Cleanup, log: Logger): Promise<void> {
  log.info('stopping');
  const failed = await cleanup.run();
  for (const { what, error } of failed) log.error('stop-failed', { what, error });
  log.info('stopped');
}

/** Ready: rules are in force as they are on disk, and pods are known. */
function whyNotReady(decisions: DecisionSide): string | undefined {
  if (decisions.refused() !== undefined) return 'rules-refused';
  return decisions.sources.pods.status().state === 'live' ? undefined : 'pods-not-known';
}

function statusReader(
  { version, config }: AgentOptions,
  startedMs: number,
  { captures, decisions, watch, guard }: Sides & { guard: GuardSide },
  observed: Observed,
): () => Promise<AgentStatus> {
  return () =>
    readStatus({
      version,
      node: config.node,
      startedMs,
      mode: watch.mode(),
      configWarnings: watch.warnings(),
      observed: observed.recent(),
      passedOver: quietCounts(decisions.intake.state()),
      capturesPerHourMax: config.limits.capturesPerHour,
      sources: decisions.sources.all,
      backends: captures.backends,
      dispatcher: captures.dispatcher,
      archives: captures.archives,
      evictionHard: () => captures.kubeletSettings.evictionHard(),
      recording: () => decisions.recorder?.status(),
      ruleSet: () => decisions.ruleSet(),
      refused: () => decisions.refused(),
      warnings: () => decisions.warnings(),
      archivesProblem: () => captures.directory.problem(),
      stuck: () => captures.stuck.list(),
      guard: () => guard.status(),
    });
}

function watchWithMetrics(
  tell: Awaited<ReturnType<typeof createTell>>,
  config: AgentConfig,
  { captures, decisions, watch, guard }: Sides & { guard: GuardSide },
): void {
  tell.metrics.watch({ name: 'mode', state: () => watch.mode() });
  tell.metrics.watch({ name: 'guard', state: () => guard.status().state });
  for (const source of decisions.sources.all) {
    tell.metrics.watch({
      name: source.name,
      state: () => source.status().state,
      dropped: () => source.dropped(),
    });
  }
  const { recorder } = decisions;
  if (recorder) {
    const dropped = () => ({ 'not-recorded': recorder.status().dropped });
    tell.metrics.watch({ name: 'recording', dropped });
  }
  tell.metrics.watch({
    name: 'rules',
    state: () => (decisions.refused() === undefined ? 'in-force' : 'refused'),
    dropped: () => passedOver(decisions),
  });
  tell.metrics.measure(() => {
    const { availableBytes = 0, floorBytes = 0 } = diskOf(
      config.checkpointsDir,
      captures.kubeletSettings.evictionHard(),
    );
    return {
      waiting: captures.dispatcher.status().waiting,
      rules: decisions.ruleSet().rules.length,
      archives: countArchives(captures.archives),
      disk: { availableBytes, floorBytes },
    };
  });
}

/** Signals that a rule passed over without a decision, by reason. */
function passedOver(decisions: DecisionSide): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason, count } of quietCounts(decisions.intake.state())) {
    counts[reason] = (counts[reason] ?? 0) + count;
  }
  return counts;
}
