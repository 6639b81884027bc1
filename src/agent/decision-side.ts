import {
  type Cancel,
  type Clock,
  createQuietLog,
  type Logger,
  type QuietLog,
  type Random,
  type Steps,
} from '../base/index.ts';
import type { Dispatcher } from '../dispatch/index.ts';
import type { TriggerOutcome } from '../outputs/index.ts';
import type { RetentionPolicy } from '../retention/index.ts';
import {
  type ContainerExplanation,
  carryState,
  compileLimits,
  createDenyList,
  createRedactor,
  createRulesCore,
  createRulesState,
  createWitness,
  denyReason,
  type ExplainQuery,
  explain,
  keepOnlyPods,
  lostPodOf,
  memoryThresholdSteps,
  nodeMemoryThresholdSteps,
  noteRefused,
  probeWatchSteps,
  type Redactor,
  type RulesCore,
  type RulesOptions,
  scheduleEntries,
} from '../rules/index.ts';
import type { PodFact, ReasonCode, Signal, Target } from '../signal/index.ts';
import {
  type AlertNodeLookup,
  createAlertNodeLookup,
  type SourceStatus,
} from '../sources/index.ts';
import type { Store } from '../store/index.ts';
import type { Clients } from './clients.ts';
import type { AgentConfig, AgentMode } from './config-schema.ts';
import type { Facts } from './facts.ts';
import { createIntake, type Intake } from './intake.ts';
import { createMemoryTargets, type MemoryTargets } from './memory-targets.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { createRenewal, type Renewal } from './renewal.ts';
import { createRuleFiles, type RuleFiles } from './rule-files.ts';
import type { RuleSet } from './rule-set.ts';
import {
  createSavedRulesState,
  journalledFirings,
  noteFirings,
  type SavedRulesState,
} from './rules-state.ts';
import { missingSources, sourceWarnings } from './source-warnings.ts';
import { createSources, type Sources } from './sources.ts';

export interface DecisionSideOptions {
  config: AgentConfig;
  env: Readonly<Record<string, string | undefined>>;
  clients: Clients;
  store: Store;
  facts: Facts;
  dispatcher: Dispatcher;
  onPolicies(policies: readonly RetentionPolicy[]): void;
  /** Whether rules capture; `modeChanged` says when it differs. */
  mode(): AgentMode;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Sources, rules and what joins them: everything that happens before a capture is wanted. */
export interface DecisionSide {
  readonly intake: Intake;
  readonly sources: Sources;
  start(): Promise<void>;
  stop(): Promise<void>;
  ruleSet(): RuleSet;
  /** From here on the rules decide in the mode that is now. */
  modeChanged(): void;
  /** Absent: nothing is recorded. */
  readonly recorder?: Recorder;
  /** Why each rule did or did not fire. Error: `not-found`. */
  explain(query: ExplainQuery): ContainerExplanation[];
  /** Why the rule files as they are now are not in force. */
  refused(): string | undefined;
  /** Rules that cannot fire on this node, and why. */
  warnings(): readonly string[];
}

const SAVE_EVERY_MS = 5_000;
const NO_RULES: RuleSet = { rules: [], policies: [], warnings: [] };

export function createDecisionSide(options: DecisionSideOptions): DecisionSide {
  return new DecisionSideImpl(options);
}

/** The pod of a target as the rules core has it now. */
export function podOf(intake: Intake, target: Target): PodFact | undefined {
  return intake.state().pods.byUid.get(target.podUid)?.fact;
}

/** Why nothing of the pod may be captured at all; undefined = it may. */
export function denyReasonOf(intake: Intake, pod: PodFact): string | undefined {
  return denyReason(pod, intake.core().options.denyList);
}

/** Failures of a runtime or kubelet that was away or at work for someone else: nothing was frozen. */
const NOTHING_BEGAN: ReadonlySet<string> = new Set(['unreachable', 'other-checkpoint']);

/** Why nothing came of a firing, when it may be tried again in the same life. */
function refusalOf(outcome: TriggerOutcome): ReasonCode | undefined {
  if (outcome.kind === 'not-accepted' || outcome.kind === 'refused') return outcome.reason;
  return outcome.kind === 'failed' && NOTHING_BEGAN.has(outcome.failure) ? 'busy' : undefined;
}

class DecisionSideImpl implements DecisionSide {
  readonly intake: Intake;
  readonly sources: Sources;
  readonly recorder: Recorder | undefined;
  readonly #options: DecisionSideOptions;
  readonly #quiet: QuietLog;
  readonly #redactor: Redactor;
  readonly #witness = createWitness();
  readonly #alertNodes: AlertNodeLookup;
  readonly #saved: SavedRulesState;
  readonly #ruleFiles: RuleFiles;
  readonly #memoryTargets: MemoryTargets | undefined;
  /** Of what the sources watch for the rules. */
  readonly #watchLists: Renewal;
  #set: RuleSet = NO_RULES;
  #isFirstSet = true;
  /** Pods seen before the first list was complete; those of a saved state that went are not. */
  #firstPods: Set<string> | undefined = new Set();
  #unsaved = false;
  #cancelSave: Cancel = () => undefined;

  constructor(options: DecisionSideOptions) {
    this.#options = options;
    const { clients, clock, log, store, facts, dispatcher } = options;
    this.#redactor = createRedactor(options.config.redact);
    this.#quiet = createQuietLog(log, clock);
    this.#saved = createSavedRulesState(store, clock, log);
    this.recorder = this.#createRecorder();
    this.intake = createIntake({
      recorder: this.recorder,
      clock,
      facts,
      core: createRulesCore([], this.#coreOptions()),
      state: createRulesState(),
      offer: (decision) => dispatcher.offer(decision),
      onPods: () => this.#watchLists.ask(),
      onMistake: (error) => this.#quiet.error('signal-not-decided', 'wake', { error }),
    });
    this.#alertNodes = createAlertNodeLookup({
      api: clients.api,
      clock,
      emit: (signal) => this.#guarded(signal, () => this.#decide(signal)),
      onFailure: (pod, error) => this.#quiet.warn('alert-node-not-found', pod, { pod, error }),
    });
    this.sources = createSources({
      ...options,
      emit: (signal) => this.#emit(signal),
      onStatus: (source, status) => this.#onStatus(source, status),
      isUnderWay: (rule) => dispatcher.isUnderWay(rule),
    });
    const { memory, nodeMemory } = this.sources;
    this.#memoryTargets = memory
      ? createMemoryTargets({ runtime: clients.runtime, memory, nodeMemory, clock, log })
      : undefined;
    this.#watchLists = createRenewal({
      steps: () => this.#watchSteps(),
      ground: () => this.intake.core(),
      onMistake: (error) => this.#quiet.error('watch-lists-not-renewed', 'watch', { error }),
    });
    this.#ruleFiles = createRuleFiles({
      path: options.config.rulesDir,
      clock,
      log,
      onSet: (set) => this.#take(set),
      onRefused: (mistakes, message) => facts.tell({ kind: 'rules-refused', mistakes, message }),
    });
    facts.listen((fact) => {
      if (fact.kind === 'ended') this.#takeBack(fact.outcome);
      else if (fact.kind === 'signal') this.#witness.signal(fact.signal);
      else if (fact.kind === 'decision') this.#witness.decision(fact.decision);
    });
  }

  async start(): Promise<void> {
    await this.#ruleFiles.start();
    this.#cancelSave = this.#options.clock.every(SAVE_EVERY_MS, () => this.#saveWhenCalm());
    await this.sources.start();
  }

  async stop(): Promise<void> {
    this.#ruleFiles.stop();
    await this.#ruleFiles.settled();
    this.#cancelSave();
    await this.sources.stop();
    this.#alertNodes.stop();
    this.#watchLists.stop();
    this.#memoryTargets?.stop();
    this.intake.stop();
    await this.recorder?.stop();
    if (!this.#isFirstSet) this.#saved.save(this.intake.core(), this.intake.state());
  }

  ruleSet(): RuleSet {
    return this.#set;
  }

  modeChanged(): void {
    // What was captured before a time of observing cools down still. Read before anything changes.
    const fired = journalledFirings(this.#options.dispatcher.journal);
    const core = createRulesCore(this.#set.rules, this.#coreOptions());
    const state = carryState(this.intake.core(), core, this.intake.state());
    noteFirings(core, state, fired);
    this.intake.replace(core, state, 'mode');
  }

  explain(query: ExplainQuery): ContainerExplanation[] {
    const { config, clients, clock } = this.#options;
    const from = {
      core: this.intake.core(),
      state: this.intake.state(),
      witness: this.#witness,
      nowMs: clock.wallMs(),
      noSource: missingSources(this.#set, config, clients),
    };
    return explain(from, query);
  }

  refused(): string | undefined {
    return this.#ruleFiles.refused();
  }

  warnings(): readonly string[] {
    return sourceWarnings(this.#set, this.#options.config, this.#options.clients);
  }

  #createRecorder(): Recorder | undefined {
    const { record, redact } = this.#options.config;
    const rules = () => this.#set.documents ?? [];
    return record && createRecorder({ ...this.#options, record, redact, rules });
  }

  #coreOptions(): RulesOptions {
    const { config, env } = this.#options;
    const denyList = createDenyList({ podUid: env.POD_UID, namespace: env.POD_NAMESPACE });
    return {
      nodeName: config.node,
      mode: this.#options.mode(),
      limits: compileLimits(config.defaults.limits),
      redactor: this.#redactor,
      denyList: { ...denyList, namespaces: [...denyList.namespaces, ...config.deny.namespaces] },
    };
  }

  /** All that can fail was done by the loader; from here on the new set is in force. */
  #take(set: RuleSet): void {
    const { facts, onPolicies } = this.#options;
    const core = createRulesCore(set.rules, this.#coreOptions());
    const carried = this.#isFirstSet
      ? undefined
      : carryState(this.intake.core(), core, this.intake.state());
    this.#set = set;
    if (carried) this.intake.replace(core, carried, 'rules');
    else this.#takeFirst(core);
    this.#isFirstSet = false;
    this.sources.schedule.schedule(scheduleEntries(set.rules));
    onPolicies(set.policies);
    facts.tell({
      kind: 'rules-loaded',
      rules: set.rules.length,
      policies: set.policies.length,
      warnings: [...set.warnings.map(({ message }) => message), ...this.warnings()],
    });
  }

  /** A firing that nothing came of must not keep the rule from trying again. */
  #takeBack(outcome: TriggerOutcome): void {
    const reason = refusalOf(outcome);
    if (reason === undefined) return;
    const decisions =
      outcome.kind === 'not-accepted' ? [outcome.decision] : outcome.trigger.decisions;
    for (const { rule, target, owner } of decisions) {
      if (!target) continue;
      const nowMs = this.#options.clock.wallMs();
      const refused = { rule, target, owner, reason };
      noteRefused(this.intake.core(), this.intake.state(), refused, nowMs);
      this.recorder?.refused(refused, nowMs);
    }
  }

  /**
   * With the saved state. When the files had mistakes at the start, pods were seen before any rule
   * was in force: they count more than those of the saved state.
   */
  #takeFirst(core: RulesCore): void {
    const { clock, dispatcher } = this.#options;
    const seen = [...this.intake.state().pods.byUid.values()].map(({ fact }) => fact);
    const state = this.#saved.load(core, dispatcher.journal);
    if (!this.#firstPods) keepOnlyPods(state, new Set(seen.map(({ uid }) => uid)));
    this.intake.replace(core, state, 'begin');
    const nowMs = clock.wallMs();
    for (const pod of seen) {
      const times = { occurredMs: nowMs, seenMs: nowMs };
      this.intake.take({ kind: 'podChanged', pod, initial: true, ...times });
    }
  }

  /** An alert about a pod of nobody knows which node is decided when that is known. */
  #emit(signal: Signal): void {
    this.#guarded(signal, () => {
      const [core, state] = [this.intake.core(), this.intake.state()];
      const lost = signal.kind === 'alert' ? lostPodOf(core, state, signal) : undefined;
      if (signal.kind === 'alert' && lost) this.#alertNodes.ask(signal, lost);
      else this.#decide(signal);
    });
  }

  /** Never throws, as sources are promised: a mistake of ours must not end who brings signals. */
  #guarded({ kind }: Signal, take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#quiet.error('signal-not-decided', kind, { kind, error });
    }
  }

  #decide(signal: Signal): void {
    const isOfPod = signal.kind === 'podChanged' || signal.kind === 'podGone';
    if (signal.kind === 'podChanged') this.#firstPods?.add(signal.pod.uid);
    const taken = this.intake.take(signal);
    // What nobody wants to decide changes nothing that is saved: Events of a whole cluster come by.
    if (isOfPod || taken.length > 0) this.#unsaved = true;
  }

  #onStatus(source: string, status: SourceStatus): void {
    this.#options.facts.tell({ kind: 'source', source, status });
    if (source !== this.sources.pods.name || status.state !== 'live' || !this.#firstPods) return;
    keepOnlyPods(this.intake.state(), this.#firstPods);
    this.recorder?.pods(this.#firstPods, this.#options.clock.wallMs());
    this.#firstPods = undefined;
    this.#watchLists.ask();
  }

  /** Each pod is looked at with each rule that may reach it: of many, this takes a while. */
  *#watchSteps(): Steps<() => void> {
    const [core, state] = [this.intake.core(), this.intake.state()];
    const memory = yield* memoryThresholdSteps(core, state);
    const ofNode = yield* nodeMemoryThresholdSteps(core, state);
    const probes = yield* probeWatchSteps(core, state);
    return () => {
      this.#memoryTargets?.update(memory, ofNode);
      this.sources.probes.watch(probes);
    };
  }

  /** Not while a container stands still: a sync may take milliseconds. */
  #saveWhenCalm(): void {
    const { dispatcher, log } = this.#options;
    if (!this.#unsaved || this.#isFirstSet) return;
    try {
      if (dispatcher.status().running) return;
      this.#saved.save(this.intake.core(), this.intake.state());
      this.#unsaved = false;
    } catch (error) {
      log.error('rules-state-not-saved', { error });
    }
  }
}
