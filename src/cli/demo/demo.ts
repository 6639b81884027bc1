import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentConfig, loadAgentConfig, startAgent } from '../../agent/index.ts';
import { listDirectory } from '../../archive/index.ts';
import {
  assetPath,
  type Cleanup,
  createCleanup,
  createLogger,
  createRandom,
  formatBytes,
  freshSeed,
  systemClock,
} from '../../base/index.ts';
import { createSim, type Sim } from '../../sim/index.ts';
import { type Io, paint } from '../output.ts';
import { exitCodeOfSignal, untilSignal } from '../signals.ts';
import { formatTable } from '../table.ts';
import { stillpointVersion } from '../version.ts';
import { type AlertDoor, openNatsDoor, openWebhookDoor } from './alert-door.ts';
import { type Console, createConsole } from './console.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';
import { type Stage, stories } from './stories.ts';

const clock = systemClock;

/**
 * Tells all stories, shows the archives, and ends (or goes on until Ctrl-C with `keep`). Leaves
 * nothing behind on any way out. Resolves with the exit code.
 */
export async function runDemo(io: Io, { keep }: { keep: boolean }): Promise<number> {
  const cleanup = createCleanup();
  // A closed terminal is no different from a Ctrl-C.
  const interrupted = untilSignal(['SIGINT', 'SIGTERM', 'SIGHUP']);
  const console = createConsole(io, clock);
  void interrupted.then((signal) => console.say(`\n${signal}: stopping`));
  try {
    // What was half built at a Ctrl-C is finished first: only then can all of it be taken down.
    const stage = await build(io, console, cleanup);
    const told = tell(io, stage, keep, interrupted);
    const end = await Promise.race([interrupted, told]);
    if (end === 'told') return 0;
    // What is still being told fails when its parts are taken away below; that is no news.
    told.catch(() => undefined);
    return keep && end === 'SIGINT' ? 0 : exitCodeOfSignal(end);
  } finally {
    const failed = await cleanup.run();
    for (const { what, error } of failed) io.err(`could not remove ${what}: ${String(error)}\n`);
    if (failed.length === 0) console.say('Everything of the demo was stopped and removed.');
  }
}

/** What the stories are told on. */
interface DemoStage extends Stage {
  config: AgentConfig;
}

async function build(io: Io, console: Console, cleanup: Cleanup): Promise<DemoStage> {
  const directory = mkdtempSync(join(tmpdir(), 'stillpoint-demo-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  // For ways out that wait for nothing: a second Ctrl-C, an exception.
  process.once('exit', remove);
  cleanup.add(directory, () => {
    process.removeListener('exit', remove);
    remove();
  });
  const sim = createSim({
    dir: join(directory, 'node'),
    clock,
    random: createRandom(freshSeed()),
    backOff: { minMs: 500, maxMs: 1_000 },
  });
  cleanup.add('simulated node', () => sim.stop());
  await sim.start();
  const nats = await startNatsServer(process.env, clock);
  if (nats) cleanup.add('nats-server', () => nats.stop());
  const token = randomBytes(24).toString('hex');
  writeFileSync(join(directory, 'alerts-token'), token, { mode: 0o600 });
  const config = await demoConfig(directory, sim, nats);
  const agent = await startAgent({
    config,
    env: {},
    version: stillpointVersion(),
    clock,
    random: createRandom(freshSeed()),
    log: createLogger('silent'),
  });
  cleanup.add('agent', () => agent.stop());
  const door = nats ? await openNatsDoor(nats, clock) : openWebhookDoor(agent, token);
  cleanup.add('alerts', () => door.close());
  greet(io, console, config, door);
  return { scenario: sim.scenario, agent, door, console, clock, config };
}

async function tell(
  io: Io,
  stage: DemoStage,
  keep: boolean,
  interrupted: Promise<unknown>,
): Promise<'told'> {
  const { agent, console, config } = stage;
  const stopHearing = agent.facts.listen((fact) => console.hear(fact));
  for (const story of stories) await story(stage);
  if (!keep) stopHearing();
  await showArchives(io, console, config, keep);
  if (keep) await interrupted;
  return 'told';
}

async function demoConfig(
  directory: string,
  { info }: Sim,
  nats: NatsServer | undefined,
): Promise<AgentConfig> {
  const defaults = await loadAgentConfig({}, {});
  return {
    ...defaults,
    node: info.nodeName,
    rulesDir: assetPath('rules/demo'),
    checkpointsDir: info.checkpointsDir,
    stateDir: join(directory, 'state'),
    socket: join(directory, 'agent.sock'),
    logLevel: 'silent',
    kubernetes: { kubeconfig: info.kubeconfigPath },
    kubelet: { ...defaults.kubelet, address: info.kubeletUrl },
    runtime: {
      socket: info.criSocketPath,
      root: info.containerdRoot,
      tmp: info.containerdRoot,
    },
    cgroupRoot: info.cgroupRoot,
    procRoot: info.procRoot,
    nats: nats && { servers: [nats.url], subjects: ['falco.>'], outcomes: true },
    http: { address: '127.0.0.1', port: 0, alertsTokenFile: join(directory, 'alerts-token') },
    // The stories would use up the six an hour of a real node within a minute.
    limits: { ...defaults.limits, capturesPerHour: 100 },
  };
}

function greet(io: Io, console: Console, config: AgentConfig, door: AlertDoor): void {
  console.say(
    [
      `${paint(io, 'bold', 'Stillpoint')} ${stillpointVersion()}: the checkpoint before the container is gone`,
      '',
      `${paint(io, 'yellow', 'The node is simulated')}: one process plays API server, kubelet, runtime and cgroups`,
      'over their real protocols. The agent is the real one. Times of captures are the',
      'simulation’s; how fast the agent reacts is real.',
      `alerts come through ${door.describe}`,
      `rules: ${config.rulesDir}`,
    ].join('\n'),
  );
}

async function showArchives(
  io: Io,
  console: Console,
  { checkpointsDir, socket }: AgentConfig,
  keep: boolean,
): Promise<void> {
  const entries = await listDirectory(checkpointsDir);
  console.say(`\n${paint(io, 'bold', '── Archives that were kept')}`);
  io.out(
    formatTable(
      [
        { title: 'POD' },
        { title: 'CONTAINER' },
        { title: 'RULE' },
        { title: 'SIZE', align: 'right' },
        { title: 'ARCHIVE' },
      ],
      entries.map(({ name, bytes, standing }) => {
        const record = standing.kind === 'recorded' ? standing.record : undefined;
        const pod = record ? `${record.namespace}/${record.pod}` : '';
        return [
          pod,
          record?.container ?? '',
          record?.rules.join(',') ?? '',
          formatBytes(bytes),
          name,
        ];
      }),
    ),
  );
  console.say(keep ? howToLook(checkpointsDir, socket) : howToGoOn());
}

function howToLook(checkpointsDir: string, socket: string): string {
  return `
It goes on until Ctrl-C. In another terminal:
  npm run stillpoint -- status --socket ${socket}
  npm run stillpoint -- archives list --dir ${checkpointsDir}
  npm run stillpoint -- archives verify --dir ${checkpointsDir}
  npm run stillpoint -- capture shop/web/nginx --socket ${socket}
`;
}

function howToGoOn(): string {
  return `
How to go on:
  npm start -- --keep                     look around while the simulated node runs on
  npm run stillpoint -- rules check rules/    rules to start from
  npm run stillpoint -- agent --help          the same agent on a real node; see README.md
`;
}
