import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Agent,
  type AgentConfig,
  type FactOf,
  loadAgentConfig,
  startAgent,
} from '../../../src/agent/index.ts';
import type { ArchiveRecord } from '../../../src/archive/index.ts';
import { createLogger, createRandom, systemClock } from '../../../src/base/index.ts';
import { createServiceAccountToken, type LabNode, labInfo, nodeOf } from '../lib/index.ts';
import { agentRights, checkpointRight } from './rights.ts';

/** Any part of the configuration that a scenario wants otherwise. */
export type ConfigChange = (config: AgentConfig) => AgentConfig;

export interface LabAgentOptions {
  /** Documents of rules and policies, YAML. */
  rules: string;
  node?: LabNode;
  change?: ConfigChange;
  /** Default: a service account with exactly the agent's rights. */
  token?: string;
  /** A directory to go on with, of an agent before. */
  home?: string;
}

/** The real agent, in this process, on a node of the lab. */
export interface LabAgent {
  agent: Agent;
  config: AgentConfig;
  node: LabNode;
  /** Its state, socket, rules and kubeconfig. */
  home: string;
  /** Resolves with the record of the first archive of that pod. */
  archived(pod: string, timeoutMs?: number): Promise<ArchiveRecord>;
  /** Resolves with the end of the first trigger on that pod, whatever it is. */
  ended(pod: string, timeoutMs?: number): Promise<FactOf<'ended'>['outcome']>;
  stop(): Promise<void>;
}

let sharedToken: Promise<string> | undefined;

/** A token of a service account with exactly the agent's rights, made once for all scenarios. */
export function agentToken(): Promise<string> {
  sharedToken ??= createServiceAccountToken('stillpoint-agent', [...agentRights, checkpointRight]);
  return sharedToken;
}

export async function startLabAgent(options: LabAgentOptions): Promise<LabAgent> {
  const node = options.node ?? nodeOf(labInfo());
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'stillpoint-lab-'));
  const config = await labConfig(options, node, home);
  // A rule may fire, and be done, before the start has ended: nothing of it is missed.
  const heard: FactOf<'ended'>[] = [];
  const agent = await startAgent({
    onFact: (fact) => {
      if (fact.kind === 'ended') heard.push(fact);
    },
    config,
    env: {},
    version: 'lab',
    clock: systemClock,
    random: createRandom(1),
    log: createLogger(process.env.STILLPOINT_LAB_LOG ? 'debug' : 'silent'),
  });
  const ended = async (pod: string, timeoutMs = 120_000) => {
    const early = heard.find((fact) => podOf(fact) === pod);
    if (early) return early.outcome;
    const fact = await agent.facts.next('ended', (each) => podOf(each) === pod, timeoutMs);
    return fact.outcome;
  };
  return {
    agent,
    config,
    node,
    home,
    ended,
    async archived(pod, timeoutMs) {
      const outcome = await ended(pod, timeoutMs);
      if (outcome.kind === 'archived') return outcome.record;
      throw new Error(`no archive of ${pod}: ${JSON.stringify(outcome)}`);
    },
    stop: () => agent.stop(),
  };
}

/** The same agent as files, for a process of its own; SIGKILL can then be tried on it. */
export async function writeAgentFiles(
  options: LabAgentOptions & { node: LabNode },
): Promise<{ home: string; configFile: string }> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'stillpoint-lab-'));
  const config = await labConfig(options, options.node, home);
  const configFile = join(home, 'stillpoint.yaml');
  const document = { apiVersion: 'stillpoint.dev/v1alpha1', kind: 'AgentConfig', ...config };
  writeFileSync(configFile, JSON.stringify(document));
  return { home, configFile };
}

function podOf({ outcome }: FactOf<'ended'>): string | undefined {
  const { target } = outcome.kind === 'not-accepted' ? outcome.decision : outcome.trigger;
  return target?.pod;
}

/** The files that an agent on that node is started with; returns its configuration. */
async function labConfig(
  { rules, token, change = (config) => config }: LabAgentOptions,
  node: LabNode,
  home: string,
): Promise<AgentConfig> {
  const lab = labInfo();
  mkdirSync(join(home, 'rules'), { recursive: true });
  writeFileSync(join(home, 'rules', 'rules.yaml'), rules);
  const kubeconfig = join(home, 'kubeconfig');
  const secret = token ?? (await agentToken());
  writeFileSync(kubeconfig, kubeconfigText(lab.apiServer.url, lab.caFile, secret), { mode: 0o600 });
  const defaults = await loadAgentConfig({}, {});
  return change({
    ...defaults,
    node: node.name,
    rulesDir: join(home, 'rules'),
    checkpointsDir: node.checkpointsDir,
    stateDir: join(home, 'state'),
    socket: join(home, 'agent.sock'),
    logLevel: process.env.STILLPOINT_LAB_LOG ? 'debug' : 'silent',
    kubernetes: { kubeconfig },
    kubelet: { ...defaults.kubelet, address: node.kubeletUrl },
    runtime: {
      socket: node.containerdSocket,
      root: node.containerdRoot,
      tmp: node.containerdTmp,
    },
    nats: { servers: [lab.nats.url], subjects: ['falco.>'], outcomes: true },
    http: { address: '127.0.0.1', port: 0 },
    limits: { capturesPerHour: 100, waiting: 32 },
  });
}

function kubeconfigText(server: string, caFile: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'agent', user: { token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'agent' } }],
    'current-context': 'lab',
  });
}

/** Empties the node's checkpoints directory, records too, so that a scenario sees only its own. */
export function emptyCheckpoints(node: LabNode): void {
  mkdirSync(node.checkpointsDir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(node.checkpointsDir)) {
    rmSync(join(node.checkpointsDir, name), { recursive: true, force: true });
  }
}
