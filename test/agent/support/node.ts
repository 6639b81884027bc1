import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import type { Fact, FactOf } from '../../../src/agent/index.ts';
import {
  type Agent,
  type AgentConfig,
  loadAgentConfig,
  startAgent,
} from '../../../src/agent/index.ts';
import type { ArchiveRecord } from '../../../src/archive/index.ts';
import { createRandom } from '../../../src/base/index.ts';
import { createSim, type Sim, type SimOptions } from '../../../src/sim/index.ts';
import { createRecordingLog, type LogLine } from '../../support/recording-log.ts';
import { useTempDirs } from '../../support/temp-dir.ts';
import { createDrivenClock, type DrivenClock } from './driven-clock.ts';

export const MIB = 2 ** 20;
export const TOKEN = 'a-token-of-24-characters';
export const CART = { namespace: 'shop', pod: 'cart', container: 'app' };

/** An agent that runs, and all that it has told since it began. */
export interface RunningAgent {
  agent: Agent;
  all: Fact[];
  of<K extends Fact['kind']>(kind: K): FactOf<K>[];
  /** The first fact of that kind that fits, of the past or to come. */
  first<K extends Fact['kind']>(kind: K, fits?: (fact: FactOf<K>) => boolean): Promise<FactOf<K>>;
  /** The record of the first archive of that pod, of the past or to come. */
  archived(pod?: string): Promise<ArchiveRecord>;
  /** Resolves when that source is in that state. */
  source(name: string, state: string): Promise<void>;
  /** POSTs to the webhook; resolves with the status. */
  alert(body: unknown): Promise<number>;
  ready(): Promise<boolean>;
  /** The answer on the pod's address. */
  read(path: string): Promise<string>;
}

/** A simulated node on a clock of its own, and the agents that run on it one after another. */
export interface TestNode {
  sim: Sim;
  clock: DrivenClock;
  config: AgentConfig;
  lines: LogLine[];
  rulesDir: string;
  /** Writes `<name>.yaml` into the rules directory. */
  rules(name: string, text: string): void;
  start(changes?: Partial<AgentConfig>): Promise<RunningAgent>;
}

/** Nodes whose agents are stopped after each test, then the node itself. */
export function useNodes(): (options?: Partial<SimOptions>) => Promise<TestNode> {
  const tempDir = useTempDirs();
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  return async (options = {}) => {
    const clock = createDrivenClock();
    undo.push(() => clock.halt());
    const dir = tempDir();
    const sim = createSim({
      dir: join(dir, 'node'),
      clock,
      random: createRandom(7),
      ...options,
    });
    undo.push(() => sim.stop());
    await sim.start();
    const rulesDir = join(dir, 'rules');
    mkdirSync(rulesDir);
    writeFileSync(join(dir, 'token'), TOKEN);
    const config = await configOf(dir, sim);
    const { log, lines } = createRecordingLog();
    const start = async (changes: Partial<AgentConfig> = {}) => {
      const all: Fact[] = [];
      const agent = await startAgent({
        config: { ...config, ...changes },
        env: {},
        version: 'test',
        clock,
        random: createRandom(11),
        log,
        onFact: (fact) => all.push(fact),
      });
      undo.push(() => agent.stop());
      return runningAgent(agent, all);
    };
    const rules = (name: string, text: string) => {
      writeFileSync(join(rulesDir, `${name}.yaml`), text);
    };
    return { sim, clock, config, lines, rulesDir, rules, start };
  };
}

/** The configuration of an agent on that node; state, rules and socket lie in `dir`. */
export async function configOf(dir: string, { info }: Sim): Promise<AgentConfig> {
  const defaults = await loadAgentConfig({}, {});
  return {
    ...defaults,
    node: info.nodeName,
    rulesDir: join(dir, 'rules'),
    checkpointsDir: info.checkpointsDir,
    stateDir: join(dir, 'state'),
    socket: join(dir, 'agent.sock'),
    kubernetes: { kubeconfig: info.kubeconfigPath },
    kubelet: { ...defaults.kubelet, address: info.kubeletUrl },
    runtime: { socket: info.criSocketPath, root: info.containerdRoot, tmp: info.containerdRoot },
    // One of its own where a test is about it: a process a test is much.
    guard: { run: 'none' },
    cgroupRoot: info.cgroupRoot,
    procRoot: info.procRoot,
    http: { address: '127.0.0.1', port: 0, alertsTokenFile: join(dir, 'token') },
  };
}

function runningAgent(agent: Agent, all: Fact[]): RunningAgent {
  const of = <K extends Fact['kind']>(kind: K) =>
    all.filter((fact): fact is FactOf<K> => fact.kind === kind);
  const first: RunningAgent['first'] = async (kind, fits = () => true) =>
    of(kind).find(fits) ?? agent.facts.next(kind, fits);
  const url = () => `http://${agent.http().address}:${agent.http().port}`;
  return {
    agent,
    all,
    of,
    first,
    async archived(pod = CART.pod) {
      const { outcome } = await first(
        'ended',
        (fact) => fact.outcome.kind === 'archived' && fact.outcome.trigger.target.pod === pod,
      );
      if (outcome.kind !== 'archived') throw new Error('unreachable');
      return outcome.record;
    },
    async source(name, state) {
      const { sources } = await agent.status();
      if (sources.find((one) => one.name === name)?.status.state === state) return;
      await agent.facts.next('source', (fact) => {
        return fact.source === name && fact.status.state === state;
      });
    },
    async alert(body) {
      const reply = await fetch(`${url()}/alerts/falco`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}` },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      await reply.text();
      return reply.status;
    },
    async ready() {
      const reply = await fetch(`${url()}/readyz`);
      await reply.text();
      return reply.status === 200;
    },
    async read(path) {
      return await (await fetch(`${url()}${path}`)).text();
    },
  };
}

/** One rule as YAML; `spec` in flow style, without its braces. */
export function rule(name: string, spec: string): string {
  return `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
}

/** A pod that the tests' rules capture: 48 of 256 MiB used. */
export function cart(more: { name?: string; labels?: Record<string, string> } = {}) {
  return {
    namespace: 'shop',
    name: 'cart',
    containers: [{ name: 'app', memoryLimitBytes: 256 * MIB, memoryBytes: 48 * MIB }],
    ...more,
  };
}
