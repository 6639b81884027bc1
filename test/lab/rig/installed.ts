import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { AgentStatus } from '../../../src/agent/index.ts';
import type { ArchiveRecord } from '../../../src/archive/index.ts';
import { createAgentClient } from '../../../src/cli/agent-client.ts';
import {
  apply,
  getObject,
  kubectl,
  type LabNode,
  labInfo,
  pathOnMachine,
  waitFor,
} from '../lib/index.ts';
import { emptyCheckpoints } from './lab-agent.ts';

/*
 * Stillpoint as its users have it: a DaemonSet, made by `kubectl apply -k`. It is driven by its
 * ConfigMaps, and watched through what it leaves on the node: records, archives, its socket.
 */

export const installedIn = 'stillpoint';
const daemonSet = 'stillpoint-agent';
const base = 'deploy/base';

/** What a scenario gives the agents of all nodes. */
export interface Settings {
  /** Documents of rules and policies, YAML. */
  rules: string;
  /** Keys of the AgentConfig. */
  config: Record<string, unknown>;
}

/** Applies that folder of `deploy/` and waits for a ready agent on each node. Returns how long. */
export async function install(folder = base): Promise<number> {
  const startedMs = performance.now();
  await kubectl(['apply', '-k', folder]);
  await agentsReady();
  return performance.now() - startedMs;
}

/** The same on nodes that have forgotten earlier agents, with the ConfigMaps filled as given. */
export async function installAnew({ rules, config }: Settings): Promise<void> {
  await forgetAgents();
  const document = { apiVersion: 'stillpoint.dev/v1alpha1', kind: 'AgentConfig', ...config };
  const contents: Record<string, Record<string, string>> = {
    'stillpoint-config': { 'stillpoint.yaml': JSON.stringify(document) },
    'stillpoint-rules': { 'rules.yaml': rules },
  };
  const items = parseAllDocuments(await kubectl(['kustomize', base]))
    .map((each) => each.toJS() as Manifest)
    .map((item) =>
      item.kind === 'ConfigMap' ? { ...item, data: contents[item.metadata.name] } : item,
    );
  await apply({ apiVersion: 'v1', kind: 'List', items });
  await agentsReady();
}

interface Manifest {
  kind: string;
  metadata: { name: string };
}

/** No agent, and on the nodes neither its journal nor any archive. The rest of it stays. */
export async function forgetAgents(): Promise<void> {
  const wait = ['--ignore-not-found', '--cascade=foreground', '--timeout=150s'];
  await kubectl(['delete', 'daemonset', daemonSet, '--namespace', installedIn, ...wait]);
  for (const node of labInfo().nodes) {
    rmSync(pathOnMachine(node, '/var/lib/stillpoint'), { recursive: true, force: true });
    emptyCheckpoints(node);
  }
}

/** Takes away all that `install` made, but for what the agents wrote on their nodes. */
export async function uninstall(folder = base): Promise<void> {
  await kubectl(['delete', '-k', folder, '--ignore-not-found', '--timeout=150s']);
}

interface DaemonSetStatus {
  metadata: { generation: number };
  status: {
    observedGeneration?: number;
    desiredNumberScheduled: number;
    numberReady: number;
    updatedNumberScheduled?: number;
  };
}

async function agentsReady(): Promise<void> {
  const nodes = labInfo().nodes.length;
  await waitFor(
    'an agent on each node to be ready',
    async () => {
      const { metadata, status } = await getObject<DaemonSetStatus>([
        ...['daemonset', daemonSet, '--namespace', installedIn],
      ]);
      const seen = status.observedGeneration === metadata.generation;
      const ready = status.numberReady === nodes && status.updatedNumberScheduled === nodes;
      if (seen && ready) return true;
      throw new Error(JSON.stringify(status));
    },
    { timeoutMs: 120_000, everyMs: 100 },
  );
}

interface AgentPod {
  metadata: { name: string };
  spec: { nodeName: string };
}

/** The name of the agent's pod on that node. */
export async function agentPodOn(node: LabNode): Promise<string> {
  const { items } = await getObject<{ items: AgentPod[] }>([
    ...['pods', '--namespace', installedIn, '--selector', 'app.kubernetes.io/component=agent'],
  ]);
  const pod = items.find(({ spec }) => spec.nodeName === node.name);
  if (pod === undefined) throw new Error(`no agent on ${node.name}`);
  return pod.metadata.name;
}

/** Runs `stillpoint` in the agent's pod, the documented way from outside; returns its output. */
export async function stillpointOn(node: LabNode, words: readonly string[]): Promise<string> {
  const pod = await agentPodOn(node);
  return kubectl(['exec', '--namespace', installedIn, pod, '--', 'stillpoint', ...words]);
}

/** What the agent of that node says of itself, asked at its socket. */
export function agentStatus(node: LabNode): Promise<AgentStatus> {
  const socket = pathOnMachine(node, '/run/stillpoint/agent.sock');
  return createAgentClient(socket).json<AgentStatus>('GET', '/v1/status');
}

/** The records on that node's disk of archives of that pod, the oldest first. */
export function recordsOf(node: LabNode, pod: string): ArchiveRecord[] {
  const dir = path.join(node.checkpointsDir, '.stillpoint/records');
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.json')) : [];
  return names
    .map((name) => JSON.parse(readFileSync(path.join(dir, name), 'utf8')) as ArchiveRecord)
    .filter((record) => record.pod === pod)
    .sort((a, b) => a.createdMs - b.createdMs);
}

/** The record of the first archive of that pod, as soon as it is there. */
export function archiveOf(node: LabNode, pod: string, timeoutMs = 60_000): Promise<ArchiveRecord> {
  return waitFor(
    `an archive of ${pod}`,
    async () => {
      const [record] = recordsOf(node, pod);
      if (record !== undefined) return record;
      const { recent } = await agentStatus(node);
      throw new Error(`recent triggers: ${JSON.stringify(recent)}`);
    },
    { timeoutMs, everyMs: 100 },
  );
}

/** Reads the agent's log of that node, the container before this one with `previous`. */
export async function agentLog(node: LabNode, previous = false): Promise<string> {
  const more = previous ? ['--previous'] : [];
  return kubectl(['logs', '--namespace', installedIn, await agentPodOn(node), ...more]);
}
