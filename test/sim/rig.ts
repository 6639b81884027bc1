import { afterEach } from '@jest/globals';
import { createRandom, silentLogger, systemClock } from '../../src/base/index.ts';
import { createRuntimeClient, type RuntimeClient } from '../../src/cri/index.ts';
import {
  type ApiClient,
  createApiClient,
  createKubeletClient,
  type KubeletClient,
  resolveIdentity,
} from '../../src/kube/index.ts';
import { createSim, type Sim, type SimOptions } from '../../src/sim/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { useTempDirs } from '../support/temp-dir.ts';

export const MIB = 1024 * 1024;

/** A started sim on a clock that the test moves, and the real clients to speak to it. */
export interface Rig {
  sim: Sim;
  clock: FakeClock;
  api: ApiClient;
  kubelet: KubeletClient;
  runtime: RuntimeClient;
}

/** Sims that are stopped after each test, their clients closed. */
export function useSims(): (options?: Partial<SimOptions>) => Promise<Rig> {
  const tempDir = useTempDirs();
  const undo: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  return async (options = {}) => {
    const clock = createFakeClock();
    const sim = createSim({ dir: tempDir(), clock, random: createRandom(7), ...options });
    undo.push(() => sim.stop());
    await sim.start();
    const clients = await connect(sim);
    undo.push(clients.close);
    return { sim, clock, ...clients };
  };
}

/** The agent's own clients; they run on real time, as their sockets do. */
async function connect(sim: Sim) {
  const { info } = sim;
  const shared = { clock: systemClock, log: silentLogger };
  const kubeconfigPath = info.kubeconfigPath;
  const identity = await resolveIdentity({ kubeconfigPath, env: {}, clock: systemClock });
  const api = createApiClient(identity, shared);
  const kubelet = createKubeletClient({
    identity,
    nodeName: info.nodeName,
    route: { via: 'direct', address: info.kubeletUrl, tls: { pinFile: info.kubeletCertPath } },
    clock: systemClock,
  });
  const runtime = createRuntimeClient({ socket: info.criSocketPath, ...shared });
  const close = () => {
    api.close();
    kubelet.close();
    runtime.close();
  };
  return { api, kubelet, runtime, close };
}

/** A pod `shop/cart` with one container `app`, 64 MiB of 256 MiB used. */
export const CART = {
  namespace: 'shop',
  name: 'cart',
  containers: [{ name: 'app', memoryLimitBytes: 256 * MIB, memoryBytes: 64 * MIB }],
};

export const CART_APP = { namespace: 'shop', pod: 'cart', container: 'app' };

/** Moves the clock on in small steps until `done` resolves; real I/O goes on in between. */
export async function advanceUntil<T>(clock: FakeClock, done: Promise<T>, stepMs = 20): Promise<T> {
  let isOver = false;
  const watched = done.finally(() => {
    isOver = true;
  });
  watched.catch(() => undefined);
  for (let steps = 0; steps < 20_000 && !isOver; steps++) await clock.advance(stepMs);
  return watched;
}
