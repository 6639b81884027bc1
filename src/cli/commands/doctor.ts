import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type AgentStatus, type ConfigFlags, loadAgentConfig } from '../../agent/index.ts';
import { createRandom, freshSeed, systemClock } from '../../base/index.ts';
import {
  createOutside,
  type DoctorReport,
  exitCodeOf,
  type Line,
  type LineState,
  runDoctor,
} from '../../doctor/index.ts';
import { createAgentClient } from '../agent-client.ts';
import type { CommandEnd } from '../exit.ts';
import { type Io, paint, print, printable } from '../output.ts';
import { stillpointVersion } from '../version.ts';
import { addOutputOption, type OutputOptions } from './shared-options.ts';

type DoctorOptions = OutputOptions & Omit<ConfigFlags, 'node' | 'logLevel'>;

/** Where deploy/ mounts the configuration, so that `kubectl exec … doctor` needs no flags. */
const INSTALLED_CONFIG = '/etc/stillpoint/agent/stillpoint.yaml';

/** `stillpoint doctor`: what this node can do, what it cannot, why, and what to do about it. */
export function addDoctorCommand(program: Command, io: Io, end: (end: CommandEnd) => void): void {
  const command = program
    .command('doctor')
    .description('what Stillpoint can do on this node, what it cannot, why, and what to do')
    .option('-c, --config <file>', 'AgentConfig (YAML); $STILLPOINT_CONFIG, else as installed')
    .option('--kubeconfig <file>', 'identity for API server and kubelet; $KUBECONFIG')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--rules <path>', 'file or directory of rules and retention policies')
    .option('--checkpoints-dir <dir>', 'where the kubelet keeps checkpoints')
    .option('--socket <path>', "the agent's socket")
    .addHelpText(
      'after',
      `
Looks at everything side by side, with the agent's own configuration, whether an agent runs or
not. It changes nothing: the kubelet and the runtime are asked for a checkpoint of a container that
cannot exist, and a file is made in each directory that must be writable, and removed again.

Exit code 0: nothing failed, though there may be warnings; 1: at least one line says fail.

Examples:
  stillpoint doctor
  stillpoint doctor --output json
  kubectl exec -n stillpoint POD -- stillpoint doctor
`,
    );
  addOutputOption(command).action(async (options: DoctorOptions) => {
    const report = await lookHere(options);
    show(io, options.output, report);
    end({ exitCode: exitCodeOf(report) });
  });
}

/** Looks at the node that we run on. Error: `bad-config`. */
async function lookHere(options: DoctorOptions): Promise<DoctorReport> {
  const { env } = process;
  const named = options.config ?? env.STILLPOINT_CONFIG;
  const path = named ?? (existsSync(INSTALLED_CONFIG) ? INSTALLED_CONFIG : undefined);
  const config = await loadAgentConfig({ ...options, config: path }, env);
  const outside = createOutside({
    config,
    env,
    version: stillpointVersion(),
    clock: systemClock,
    random: createRandom(freshSeed()),
    askAgent: () => createAgentClient(config.socket).json<AgentStatus>('GET', '/v1/status'),
  });
  try {
    return await runDoctor(outside);
  } finally {
    outside.close();
  }
}

const colors = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'gray' } as const;

function show(io: Io, output: OutputOptions['output'], report: DoctorReport): void {
  if (output !== 'table') {
    print(io, output, report, () => ({ columns: [], rows: [] }));
    return;
  }
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
