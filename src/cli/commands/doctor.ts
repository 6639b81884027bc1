import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import {
  type AgentStatus,
  CANARY_POD_PREFIX,
  type ConfigFlags,
  loadAgentConfig,
} from '../../agent/index.ts';
import {
  createRandom,
  freshSeed,
  StillpointError,
  silentLogger,
  systemClock,
} from '../../base/index.ts';
import {
  type CanaryTarget,
  captureCanary,
  createCanaryAgent,
  createOutside,
  type DoctorReport,
  doctorOnNodes,
  exitCodeOf,
  findNodes,
  type Line,
  type LineState,
  runDoctor,
  runLocalCanary,
} from '../../doctor/index.ts';
import { createApiClient, resolveIdentity } from '../../kube/index.ts';
import { createAgentClient } from '../agent-client.ts';
import type { CommandEnd } from '../exit.ts';
import { type Io, paint, print, printable } from '../output.ts';
import { exitCodeOfSignal, untilSignal } from '../signals.ts';
import { stillpointVersion } from '../version.ts';
import { addOutputOption, type OutputOptions } from './shared-options.ts';

interface DoctorOptions extends OutputOptions, Omit<ConfigFlags, 'node' | 'logLevel'> {
  node?: string;
  allNodes: boolean;
  namespace: string;
  canary: boolean;
  canaryImage?: string;
  canaryPod?: string;
}

/** Where deploy/ mounts the configuration, so that `kubectl exec … doctor` needs no flags. */
const INSTALLED_CONFIG = '/etc/stillpoint/agent/stillpoint.yaml';

/** `stillpoint doctor`: what this node can do, what it cannot, why, and what to do about it. */
export function addDoctorCommand(program: Command, io: Io, end: (end: CommandEnd) => void): void {
  const command = program
    .command('doctor')
    .description('what Stillpoint can do on a node, what it cannot, why, and what to do')
    .option('--node <name>', 'look from outside, with kubectl, in the pod of the agent there')
    .option('--all-nodes', 'the same for every node that has an agent', false)
    .option('-n, --namespace <name>', 'where Stillpoint is installed', 'stillpoint')
    .option('--canary', 'make a pod on the node, capture it, prove and remove the archive', false)
    .option('--canary-image <image>', "image of that pod; default: the agent's own")
    .option('--canary-pod <target>', 'capture that pod, NAMESPACE/stillpoint-canary-…/CONTAINER')
    .option('-c, --config <file>', 'AgentConfig (YAML); $STILLPOINT_CONFIG, else as installed')
    .option('--kubeconfig <file>', 'identity for API server and kubelet; $KUBECONFIG')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--rules <path>', 'file or directory of rules and retention policies')
    .option('--checkpoints-dir <dir>', 'where the kubelet keeps checkpoints')
    .option('--socket <path>', "the agent's socket")
    .addHelpText('after', helpText);
  addOutputOption(command).action(async (options: DoctorOptions) => {
    const isRemote = options.node !== undefined || options.allNodes;
    refuseContradictions(options, isRemote);
    const stopped = new AbortController();
    let stoppedBy: Awaited<ReturnType<typeof untilSignal>> | undefined;
    // What was made for a canary is taken away before the end.
    if (options.canary) {
      void untilSignal().then((signal) => {
        stoppedBy = signal;
        const message = `${signal}: stopped`;
        stopped.abort(new StillpointError({ code: 'cancelled', message }));
      });
    }
    const reports = isRemote
      ? await lookThere(options, stopped.signal)
      : [await lookHere(options, stopped.signal)];
    if (stoppedBy !== undefined) {
      io.err(`stillpoint: ${stoppedBy}: stopped; what the canary had made is taken away\n`);
      end({ exitCode: exitCodeOfSignal(stoppedBy) });
      return;
    }
    show(io, options, reports);
    end({ exitCode: exitCodeOf(reports) });
  });
}

const helpText = `
Looks at everything side by side, with the agent's own configuration, whether an agent runs or
not. It changes nothing: the kubelet and the runtime are asked for a checkpoint of a container that
cannot exist, and a file is made in each directory that must be writable, and removed again.

With --canary a pod of its own is made on the node, with the rights of your kubeconfig, captured
through each backend by the agent there (which needs not be in mode enforce), its archives are
proved and removed, and the pod is deleted, whatever happens. Only this proves that CRIU works.

Exit code 0: nothing failed, though there may be warnings; 1: at least one line says fail.

Examples:
  stillpoint doctor
  stillpoint doctor --node node1 --canary
  stillpoint doctor --all-nodes --output json
  kubectl exec -n stillpoint POD -- stillpoint doctor
`;

function refuseContradictions(options: DoctorOptions, isRemote: boolean): void {
  const { node, allNodes, canary, canaryPod } = options;
  const refuse = (message: string) => {
    throw new StillpointError({ code: 'usage', message });
  };
  if (node !== undefined && allNodes) refuse('--node and --all-nodes: only one of them');
  if (canaryPod === undefined) return;
  if (canary) refuse('--canary makes a pod and --canary-pod names one: only one of them');
  if (isRemote) refuse('--canary-pod is for the node itself, without --node and --all-nodes');
}

/** Looks at nodes from outside. Errors: `bad-config`, `not-found`, those of the API server. */
async function lookThere(options: DoctorOptions, signal: AbortSignal): Promise<DoctorReport[]> {
  const { env } = process;
  const { kubeconfig, context, namespace, canaryImage } = options;
  const clock = systemClock;
  const identity = await resolveIdentity({ kubeconfigPath: kubeconfig, context, env, clock });
  const api = createApiClient(identity, { clock, log: silentLogger });
  const canary = options.canary ? { image: canaryImage } : undefined;
  const remote = {
    ...{ api, clock, signal, namespace, canary },
    random: createRandom(freshSeed()),
    kubectl: { kubeconfig, context, env },
    version: stillpointVersion(),
  };
  try {
    const pods = await findNodes(remote, options.node);
    return await doctorOnNodes(pods, remote);
  } finally {
    api.close();
  }
}

/** Looks at the node that we run on. Errors: `bad-config`, `usage`. */
async function lookHere(options: DoctorOptions, signal: AbortSignal): Promise<DoctorReport> {
  const { env } = process;
  const { node: _, ...flags } = options;
  const named = options.config ?? env.STILLPOINT_CONFIG;
  const path = named ?? (existsSync(INSTALLED_CONFIG) ? INSTALLED_CONFIG : undefined);
  const config = await loadAgentConfig({ ...flags, config: path }, env);
  const client = createAgentClient(config.socket);
  const outside = createOutside({
    config,
    env,
    version: stillpointVersion(),
    parentPid: process.ppid,
    clock: systemClock,
    random: createRandom(freshSeed()),
    askAgent: () => client.json<AgentStatus>('GET', '/v1/status'),
  });
  const agent = createCanaryAgent(client, config.checkpointsDir);
  const { canary, canaryPod, canaryImage: image, namespace } = options;
  const target = canaryPod === undefined ? undefined : parseCanaryPod(canaryPod);
  try {
    return await runDoctor(outside, async () => {
      if (target) return captureCanary(agent, target, systemClock);
      return canary ? runLocalCanary(outside, agent, { namespace, image }, signal) : [];
    });
  } finally {
    outside.close();
  }
}

function parseCanaryPod(text: string): CanaryTarget {
  const [namespace, pod, container, ...rest] = text.split('/');
  const isWhole = Boolean(namespace && pod && container) && rest.length === 0;
  if (isWhole && namespace && pod?.startsWith(CANARY_POD_PREFIX) && container) {
    return { namespace, pod, container };
  }
  throw new StillpointError({
    code: 'usage',
    message: `--canary-pod ${text}: allowed is NAMESPACE/${CANARY_POD_PREFIX}…/CONTAINER`,
  });
}

const colors = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'gray' } as const;

function show(io: Io, { output, allNodes }: DoctorOptions, reports: readonly DoctorReport[]): void {
  if (output === 'table') {
    for (const report of reports) showTable(io, report);
    return;
  }
  // One node is one document; all nodes are a list, also when there is but one.
  print(io, output, allNodes ? reports : reports[0], () => ({ columns: [], rows: [] }));
}

function showTable(io: Io, report: DoctorReport): void {
  io.out(`node ${printable(report.node)}, stillpoint ${printable(report.version)}\n`);
  print(io, 'table', report.lines, (lines) => ({
    columns: [{ title: 'CHECK' }, { title: 'STATE' }, { title: 'FOUND' }],
    rows: lines.flatMap((line) => rowsOf(io, line)),
  }));
  io.out(`${summary(io, report.lines)}\n`);
}

/** The next step stands below what was found: side by side they fit on no screen. */
function rowsOf(io: Io, { check, state, what, next }: Line): string[][] {
  const row = [printable(check), paint(io, colors[state], state), printable(what)];
  if (next === undefined) return [row];
  return [row, ['', '', `${paint(io, 'cyan', '→')} ${printable(next)}`]];
}

function summary(io: Io, lines: readonly Line[]): string {
  const states: readonly LineState[] = ['fail', 'warn', 'ok', 'skipped'];
  const counts = states.map((state) => ({
    state,
    count: lines.filter((line) => line.state === state).length,
  }));
  return counts
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => paint(io, colors[state], `${count} ${state}`))
    .join(', ');
}
