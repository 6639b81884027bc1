import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AgentConfig, type Fact, startAgent } from '../../src/agent/index.ts';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import { createJournal } from '../../src/dispatch/index.ts';
import { createSim, type Sim, type SimOptions } from '../../src/sim/index.ts';
import { openStore } from '../../src/store/index.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createDrivenClock } from './support/driven-clock.ts';
import { CART, cart, configOf, rule } from './support/node.ts';

const tempDir = useTempDirs();
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A node on the real clock, for an agent in a process of its own that can be killed. */
async function startNode(options: Partial<SimOptions> = {}) {
  const dir = tempDir();
  const sim = createSim({
    dir: join(dir, 'node'),
    clock: systemClock,
    random: createRandom(7),
    ...options,
  });
  undo.push(() => sim.stop());
  await sim.start();
  sim.scenario.addPod(cart());
  mkdirSync(join(dir, 'rules'));
  const boom = 'when: { event: { reason: Boom } }, target: {}, limits: { cooldown: 0s }';
  writeFileSync(join(dir, 'rules', 'boom.yaml'), rule('boom', boom));
  writeFileSync(join(dir, 'token'), 'a-token-of-24-characters');
  return { dir, sim, config: await configOf(dir, sim) };
}

/** `stillpoint agent` as it is run on a node. */
function spawnAgent(dir: string, config: AgentConfig) {
  const file = join(dir, 'stillpoint.json');
  const head = { apiVersion: 'stillpoint.dev/v1alpha1', kind: 'AgentConfig' };
  writeFileSync(file, JSON.stringify({ ...head, ...config }));
  const child = spawn(process.execPath, ['src/cli/main.ts', 'agent', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
  });
  undo.push(() => kill(child));
  const started = new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
      // An Event that comes before their first list is history, and starts nothing.
      const isLive = said.includes('"source":"events","state":"live"');
      if (isLive && said.includes('"event":"started"')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the agent ended with ${code}: ${said}`)));
  });
  started.catch(() => undefined);
  return { child, started };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** The agent after the crash, in this process, on a clock that is fast. */
async function startNext(config: AgentConfig) {
  const clock = createDrivenClock(systemClock.wallMs());
  undo.push(() => clock.halt());
  const all: Fact[] = [];
  const agent = await startAgent({
    config,
    env: {},
    version: 'test',
    clock,
    random: createRandom(11),
    log: silentLogger,
    onFact: (fact) => all.push(fact),
  });
  undo.push(() => agent.stop());
  const outcomes = () => all.flatMap((fact) => (fact.kind === 'ended' ? [fact.outcome] : []));
  return { agent, outcomes };
}

function boom(sim: Sim): void {
  sim.scenario.emitEvent(CART, {
    type: 'Warning',
    reason: 'Boom',
    message: 'x',
    container: 'app',
  });
}

describe('an agent that is killed', () => {
  it('between freeze and thaw: the next one thaws the container and ends the trigger', async () => {
    const { dir, sim, config } = await startNode();
    sim.faults.set({ kind: 'hang' }, { times: 1 });
    const { child, started } = spawnAgent(dir, config);
    await started;
    const frozen = sim.happenings.first('frozen');
    const ended = sim.happenings.first('checkpoint-ended');
    boom(sim);
    await frozen;
    await kill(child);
    await ended;
    // As a runtime leaves it whose CRIU was killed with the agent.
    const running = sim.scenario.running(CART);
    sim.model.hold(running, { shimPaused: true, cgroupFrozen: true });
    const thawed = sim.happenings.next('thawed');

    const { outcomes, agent } = await startNext(config);
    await thawed;
    expect(outcomes()).toMatchObject([
      { kind: 'failed', failure: 'cancelled', thaw: { end: 'runs', acts: ['resume'] } },
    ]);
    const { recent } = await agent.status();
    expect(recent).toMatchObject([{ state: 'failed', target: 'shop/cart/app' }]);
    expect(running.life).toMatchObject({ shimPaused: false, cgroupFrozen: false });
    expect(sim.happenings.all('checkpoint-received')).toHaveLength(1);
  });

  it('while the runtime writes: the archive is adopted, and named by its trigger', async () => {
    const { dir, sim, config } = await startNode({
      checkpoint: { fixedMs: 20, freezeBytesPerSecond: 2e9, writeBytesPerSecond: 60e6 },
    });
    const { child, started } = spawnAgent(dir, config);
    await started;
    const thawed = sim.happenings.first('thawed');
    const ended = sim.happenings.first('checkpoint-ended');
    boom(sim);
    await thawed;
    await kill(child);
    const store = openStore(join(config.stateDir, 'state.db'));
    const [entry] = createJournal(store, () => 0).recent(1);
    store.close();
    expect(entry?.state).toBe('checkpointing');
    const { code, location } = await ended;
    expect([code, existsSync(location)]).toEqual(['OK', true]);

    const { agent, outcomes } = await startNext(config);
    if (!outcomes().some(({ kind }) => kind === 'archived')) {
      await agent.facts.next('ended', ({ outcome }) => outcome.kind === 'archived');
    }
    expect(outcomes()).toMatchObject([
      { kind: 'failed', failure: 'cancelled' },
      { kind: 'archived', trigger: { id: entry?.trigger.id }, record: { backend: 'containerd' } },
    ]);
    const { archives, recent } = await agent.status();
    expect(archives).toMatchObject({ ours: 1, foreign: 0 });
    expect(recent).toMatchObject([{ state: 'recorded' }]);
  });

  it('by SIGTERM in the middle of its start: it ends in order', async () => {
    const { dir, sim, config } = await startNode();
    await sim.api.stop();
    const { child } = spawnAgent(dir, config);
    // Its socket is there, its first list of pods is not: it waits for the API server.
    while (!existsSync(config.socket)) await systemClock.sleep(10);
    const code = await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGTERM');
    });
    expect(code).toBe(0);
    expect(existsSync(config.socket)).toBe(false);
  });
});
