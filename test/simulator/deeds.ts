import { createAgentClient } from '../../src/cli/agent-client.ts';
import type { CheckpointFault, Sim } from '../../src/sim/index.ts';
import { MIB, TOKEN } from '../agent/support/node.ts';
import { falcoAlert } from '../support/falco-alert.ts';
import type { Server } from './life.ts';
import type { World } from './world.ts';

/** One thing that may happen to the node; returns what was done, or nothing when it cannot be. */
type Deed = (world: World) => string | undefined | Promise<string | undefined>;

type Running = ReturnType<Sim['model']['running']>[number];

/** How often each deed is drawn. */
const DEEDS: [weight: number, deed: Deed][] = [
  [6, addPod],
  [2, deletePod],
  [4, leak],
  [3, crashLoop],
  [2, failProbe],
  [4, heal],
  [7, event],
  [4, alert],
  [2, request],
  [5, fault],
  [4, outage],
  [2, freeze],
  [2, restart],
  [2, kill],
  [2, killGuard],
  [6, ambush],
];

/** Does one thing to the node, by chance. */
export async function act(world: World): Promise<void> {
  const total = DEEDS.reduce((sum, [weight]) => sum + weight, 0);
  let draw = world.random.integer(1, total);
  for (const [weight, deed] of DEEDS) {
    draw -= weight;
    if (draw > 0) continue;
    const done = await deed(world);
    if (done !== undefined) note(world, done);
    return;
  }
}

export function note(world: World, text: string): void {
  world.deeds.push(`${(world.clock.monotonicMs() / 1_000).toFixed(2)}s ${text}`);
}

function pick<T>({ random }: World, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[random.integer(0, list.length - 1)];
}

function anyRunning(world: World): Running | undefined {
  return pick(world, world.sim.model.running());
}

function nameOf({ pod, container }: Running) {
  return { namespace: pod.namespace, pod: pod.name, container: container.spec.name };
}

function show(name: { namespace: string; pod: string; container?: string }): string {
  return `${name.namespace}/${name.pod}/${name.container ?? ''}`;
}

export function addPod(world: World): string | undefined {
  const { sim, random } = world;
  const namespace = pick(world, ['shop', 'shop', 'shop', 'pay', 'kube-system', 'secret']) ?? 'shop';
  const name = `p${random.integer(0, 5)}`;
  if (sim.model.pod(namespace, name)) return undefined;
  const liveness = { handler: 'httpGet', periodMs: 2_000, failureThreshold: 3 } as const;
  const container = (containerName: string) => ({
    name: containerName,
    memoryLimitBytes: 128 * MIB,
    memoryBytes: random.integer(4, 48) * MIB,
    ...(random.next() < 0.3 ? { liveness } : {}),
  });
  const containers = [container('app'), ...(random.next() < 0.3 ? [container('side')] : [])];
  const labels: Record<string, string> = random.next() < 0.3 ? { tick: 'yes' } : {};
  sim.scenario.addPod({ namespace, name, labels, containers });
  return `add ${namespace}/${name}`;
}

function deletePod(world: World): string | undefined {
  const pod = pick(world, world.sim.model.pods());
  if (!pod || pod.deletion) return undefined;
  void world.sim.scenario.deletePod({ namespace: pod.namespace, pod: pod.name });
  return `delete ${pod.namespace}/${pod.name}`;
}

function leak(world: World): string | undefined {
  const running = anyRunning(world);
  if (!running) return undefined;
  const bytesPerSecond = world.random.integer(5, 120) * 1_000_000;
  void world.sim.scenario.leak(nameOf(running), bytesPerSecond);
  return `leak ${show(nameOf(running))} ${bytesPerSecond} B/s`;
}

function crashLoop(world: World): string | undefined {
  const running = anyRunning(world);
  if (!running) return undefined;
  void world.sim.scenario.crashLoop(nameOf(running), world.random.integer(200, 3_000));
  return `crash loop ${show(nameOf(running))}`;
}

function failProbe(world: World): string | undefined {
  const running = anyRunning(world);
  if (!running) return undefined;
  void world.sim.scenario.failLiveness(nameOf(running));
  return `failing probe ${show(nameOf(running))}`;
}

function heal(world: World): string | undefined {
  const pod = pick(world, world.sim.model.pods());
  const container = pod && pick(world, pod.containers);
  if (!pod || !container) return undefined;
  const name = { namespace: pod.namespace, pod: pod.name, container: container.spec.name };
  world.sim.scenario.heal(name);
  return `heal ${show(name)}`;
}

function event(world: World): string | undefined {
  const running = anyRunning(world);
  if (!running) return undefined;
  const reason = pick(world, ['Boom', 'Zap', 'Zap', 'Zip', 'Zoom', 'Zoom']) ?? 'Boom';
  const { namespace, pod, container } = nameOf(running);
  const fields = { type: 'Warning', reason, message: 'by chance', container } as const;
  world.sim.scenario.emitEvent({ namespace, pod }, fields);
  return `event ${reason} ${show(nameOf(running))}`;
}

async function alert(world: World): Promise<string | undefined> {
  const running = anyRunning(world);
  const http = world.life()?.agent?.http();
  if (!running || !http || world.life()?.state !== 'running') return undefined;
  const id = running.life.containerId.slice(0, 12);
  const hostname = world.sim.info.nodeName;
  const body = JSON.stringify(falcoAlert({ hostname, output_fields: { 'container.id': id } }));
  const headers = { authorization: `Bearer ${TOKEN}` };
  const url = `http://127.0.0.1:${http.port}/alerts/falco`;
  const copies = world.random.integer(1, 3);
  for (let copy = 0; copy < copies; copy++) {
    fetch(url, { method: 'POST', headers, body })
      .then((reply) => reply.text())
      .catch((error: Error) => note(world, `alert: ${error.message}`));
  }
  return `${copies} alerts ${show(nameOf(running))}`;
}

function request(world: World): string | undefined {
  const running = anyRunning(world);
  if (!running || world.life()?.state !== 'running') return undefined;
  const via = pick(world, ['auto', 'containerd', 'cri', 'kubelet']);
  const body = { ...nameOf(running), via, by: 'the simulator' };
  const ask = async () => {
    const lines = createAgentClient(world.config.socket).lines('POST', '/v1/captures', body);
    for await (const line of lines) note(world, `request: ${JSON.stringify(line).slice(0, 90)}`);
  };
  ask().catch((error: Error) => note(world, `request: ${error.message}`));
  return `request ${show(nameOf(running))} via ${via}`;
}

function fault(world: World): string | undefined {
  const faults: CheckpointFault[] = [
    { kind: 'fail', text: 'criu failed: type NOTIFY errno 0' },
    { kind: 'hang' },
    { kind: 'leavePaused' },
    { kind: 'truncated', at: world.random.next() },
    { kind: 'missingMembers', members: ['config.dump'] },
    { kind: 'diskFull' },
    { kind: 'slow', factor: world.random.integer(3, 20) },
    { kind: 'criuKilled', while: pick(world, ['frozen', 'traced'] as const) ?? 'traced' },
    { kind: 'slowPause', ms: world.random.integer(50, 600) },
    { kind: 'diffFails', text: 'failed to mount: no such device' },
    { kind: 'missingMembers', members: ['checkpoint/pstree.img'] },
  ];
  const one = pick(world, faults);
  if (!one) return undefined;
  world.sim.faults.set(one, { times: world.random.integer(1, 2) });
  return `fault ${one.kind}`;
}

function outage(world: World): string | undefined {
  const server = pick(world, ['api', 'kubelet', 'runtime', 'guard'] as const);
  return server && takeAway(world, server);
}

function takeAway(world: World, server: Server): string | undefined {
  if (world.away.has(server)) return undefined;
  world.away.add(server);
  world.outages++;
  world.life()?.tear(server);
  if (server === 'runtime') world.guard?.tearRuntime();
  const forMs = world.random.integer(200, 15_000);
  world.clock.after(forMs, () => comeBack(world, server));
  return `${server} away for ${forMs} ms`;
}

export function comeBack(world: World, server: Server): void {
  if (!world.away.delete(server)) return;
  note(world, `${server} is back`);
}

/**
 * A freeze in the middle of a capture, or of the recovery from a death, cannot be told from our
 * own: the promise to leave it alone holds for all others.
 */
function wasCapturedJustNow(world: World, containerId: string): boolean {
  const { sim, clock } = world;
  if (isBeingCaptured(world, containerId)) return true;
  const sinceMs = clock.monotonicMs() - 20_000;
  return sim.happenings
    .all('checkpoint-received')
    .some((one) => one.containerId === containerId && one.monotonicMs >= sinceMs);
}

/** From before the guard looks at its freezer, to the end of the thaw check. */
function isBeingCaptured(world: World, containerId: string): boolean {
  let begun = false;
  for (const fact of world.life()?.facts ?? []) {
    if (fact.kind !== 'capturing' && fact.kind !== 'capture-ended') continue;
    const { target } = fact.kind === 'capturing' ? fact.trigger : fact.outcome.trigger;
    if (target.containerId === containerId) begun = fact.kind === 'capturing';
  }
  return begun;
}

function freeze(world: World): string | undefined {
  const running = anyRunning(world);
  if (!running) return undefined;
  const { life } = running;
  if (life.cgroupFrozen || life.shimPaused || life.checkpointing) return undefined;
  if (wasCapturedJustNow(world, life.containerId)) return undefined;
  world.sim.model.hold(running, { cgroupFrozen: true }, 'cgroup');
  world.frozenByOthers.add(life.containerId);
  world.clock.after(world.random.integer(500, 8_000), () => thawAgain(world, running));
  return `somebody freezes ${show(nameOf(running))}`;
}

export function thawAgain(world: World, running: Running): void {
  if (!world.frozenByOthers.delete(running.life.containerId)) return;
  world.sim.model.hold(running, { cgroupFrozen: false }, 'cgroup');
  note(world, `somebody thaws ${show(nameOf(running))}`);
}

async function restart(world: World): Promise<string | undefined> {
  const life = world.life();
  if (life?.state !== 'running') return undefined;
  note(world, 'the agent is stopped');
  await life.stop();
  await world.clock.sleep(world.random.integer(50, 3_000));
  await world.begin();
  return 'the agent is started again';
}

/** Moments at which a death or an outage hurts most. */
const MOMENTS = [
  'checkpoint-received',
  'frozen',
  'thawed',
  'checkpoint-ended',
  'container-stopped',
] as const;
const AMBUSH_MS_MAX = 4_000;

/** Kills the agent, or takes a server away, at the very moment that something happens. */
async function ambush(world: World): Promise<string | undefined> {
  const moment = pick(world, MOMENTS);
  const victim = pick(world, ['agent', 'agent', 'agent', 'runtime', 'kubelet'] as const);
  if (!moment || !victim) return undefined;
  let sprung = false;
  const stop = world.sim.happenings.on(moment, () => {
    stop();
    sprung = true;
    const life = world.life();
    if (victim === 'agent' && (life?.state === 'running' || life?.state === 'stopping'))
      life.kill();
  });
  const untilMs = world.clock.monotonicMs() + AMBUSH_MS_MAX;
  while (!sprung && world.clock.monotonicMs() < untilMs) await world.clock.sleep(20);
  stop();
  if (!sprung) return undefined;
  if (victim !== 'agent') return `at ${moment}: ${takeAway(world, victim)}`;
  if (world.life()?.state !== 'dead') return undefined;
  note(world, `the agent is killed at ${moment}`);
  await world.clock.sleep(world.random.integer(0, 3_000));
  await world.begin();
  return 'the agent is started after its death';
}

async function kill(world: World): Promise<string | undefined> {
  const life = world.life();
  if (life?.state !== 'running' && life?.state !== 'starting') return undefined;
  life.kill();
  note(world, `the agent is killed (${life.agent ? 'running' : 'starting'})`);
  await world.clock.sleep(world.random.integer(50, 5_000));
  await world.begin();
  return 'the agent is started after its death';
}

/** It comes again, as a sidecar does; meanwhile nothing may be frozen by us. */
function killGuard(world: World): string | undefined {
  if (!world.guard) return undefined;
  world.guard.kill();
  world.guard = undefined;
  world.clock.after(world.random.integer(100, 3_000), () => void guardAgain(world));
  return 'the guard is killed';
}

export async function guardAgain(world: World): Promise<void> {
  if (world.guard) return;
  await world.beginGuard();
  note(world, 'the guard is started again');
}
