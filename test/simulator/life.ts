import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, type AgentConfig, type Fact, startAgent } from '../../src/agent/index.ts';
import { createRandom, type Logger } from '../../src/base/index.ts';
import { createNodeProbe } from '../../src/node/index.ts';
import type { Sim } from '../../src/sim/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { DrivenClock } from '../agent/support/driven-clock.ts';
import { type Line, openLine } from './line.ts';
import { closeServers, mortalClock, mortalLocks, mortalNode, mortalStore } from './mortal.ts';

/** What an agent speaks to. */
export type Server = 'api' | 'kubelet' | 'runtime' | 'guard';

/** One life of the agent, from its start to its stop or its death. */
export interface Life {
  number: number;
  state: 'starting' | 'running' | 'stopping' | 'stopped' | 'dead';
  agent?: Agent;
  /** Told while it lived. */
  facts: Fact[];
  /** Resolves when the start is over, whatever came of it. */
  started: Promise<void>;
  stop(): Promise<void>;
  /** Its connections to that server end. */
  tear(server: Server): void;
  /** As SIGKILL: nothing of it happens after that. */
  kill(): void;
}

export interface LifeOptions {
  number: number;
  seed: number;
  dir: string;
  sim: Sim;
  config: AgentConfig;
  /** Of the guard process. */
  guardSocket: string;
  clock: DrivenClock;
  log: Logger;
  isAway(server: Server): boolean;
  onHung(what: string): void;
}

/** The grace of a stop, an outage of the runtime, and some more. */
const HUNG_MS = 90_000;

export async function beginLife(options: LifeOptions): Promise<Life> {
  const { number, dir, config } = options;
  const clock = mortalClock(options.clock);
  const store = mortalStore(openStore(join(config.stateDir, 'state.db')));
  const locks = mortalLocks();
  const { cgroupRoot: root, procRoot } = options.sim.info;
  const machine = mortalNode(createNodeProbe({ root, procRoot }));
  const at = (name: string) => join(dir, `${name}-${number}`);
  const wires = await openLines(options, at);
  const lines = Object.values(wires);
  const life: Life = {
    number,
    state: 'starting',
    facts: [],
    started: Promise.resolve(),
    async stop() {
      await orHung('start', life.started);
      if (life.state !== 'running') return;
      life.state = 'stopping';
      await orHung('stop', life.agent?.stop());
      if (life.state === 'stopping') life.state = 'stopped';
      for (const line of lines) line.cut();
    },
    tear: (server) => wires[server].tear(),
    kill() {
      const ports = life.agent ? [life.agent.http().port] : [];
      life.state = 'dead';
      clock.kill();
      store.kill();
      locks.kill();
      machine.kill();
      for (const line of lines) line.cut();
      closeServers([config.socket, ...ports]);
    },
  };
  const orHung = hungGuard(options, () => life);
  const isMute = () => life.state === 'dead';
  life.started = startAgent({
    config: throughWires(config, wires, at),
    env: {},
    version: 'test',
    clock: clock.given,
    store: store.given,
    takeLock: locks.given,
    node: machine.given,
    random: createRandom(options.seed * 1_000 + number),
    log: muteWhen(isMute, options.log.with({ life: number })),
    onFact(fact) {
      if (isMute()) return;
      life.facts.push(fact);
    },
  }).then(
    (agent) => {
      if (isMute()) {
        closeServers([config.socket, agent.http().port]);
        return;
      }
      life.agent = agent;
      life.state = 'running';
    },
    (error) => {
      if (!isMute()) throw error;
    },
  );
  return life;
}

function throughWires(
  config: AgentConfig,
  wires: Record<Server, Line>,
  at: (name: string) => string,
): AgentConfig {
  return {
    ...config,
    kubernetes: { kubeconfig: at('kubeconfig') },
    kubelet: { ...config.kubelet, address: `https://127.0.0.1:${wires.kubelet.port}` },
    runtime: { ...config.runtime, socket: at('cri.sock') },
    guard: { run: 'sidecar', socket: at('guard.sock') },
  };
}

/** The ways of this life to the outside, to be cut when it dies; its kubeconfig leads through one. */
async function openLines(
  { sim, guardSocket, isAway }: LifeOptions,
  at: (name: string) => string,
): Promise<Record<Server, Line>> {
  const { apiUrl, kubeletUrl, kubeconfigPath, criSocketPath } = sim.info;
  const toUrl = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) });
  const [api, kubelet, runtime, guard] = await Promise.all([
    openLine(toUrl(apiUrl), () => isAway('api')),
    openLine(toUrl(kubeletUrl), () => isAway('kubelet')),
    openLine({ path: criSocketPath }, () => isAway('runtime'), at('cri.sock')),
    openLine({ path: guardSocket }, () => isAway('guard'), at('guard.sock')),
  ]);
  const kubeconfig = readFileSync(kubeconfigPath, 'utf8');
  writeFileSync(at('kubeconfig'), kubeconfig.replace(apiUrl, `https://127.0.0.1:${api.port}`));
  return { api, kubelet, runtime, guard };
}

/** A start or a stop that does not end is a broken promise, not a test that hangs. */
function hungGuard(options: LifeOptions, life: () => Life) {
  return async (what: string, work: Promise<void> | undefined) => {
    const giveUp = new AbortController();
    const tooLong = options.clock.sleep(HUNG_MS, giveUp.signal).then(
      () => 'hung',
      () => 'given up',
    );
    const isHung = (await Promise.race([work, tooLong])) === 'hung';
    giveUp.abort();
    const { number } = options;
    if (!isHung || life().state === 'dead') return;
    options.onHung(`the ${what} of life ${number} takes longer than ${HUNG_MS / 1_000} s`);
    life().kill();
  };
}

function muteWhen(isMute: () => boolean, log: Logger): Logger {
  const unless =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...line: Parameters<Logger['info']>) => {
      if (!isMute()) log[level](...line);
    };
  return {
    debug: unless('debug'),
    info: unless('info'),
    warn: unless('warn'),
    error: unless('error'),
    with: (fields) => muteWhen(isMute, log.with(fields)),
  };
}
