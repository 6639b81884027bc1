import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/index.ts';
import {
  createCriBackend,
  createKubeletBackend,
  createKubeletSight,
} from '../../src/capture/index.ts';
import { createRuntimeClient } from '../../src/cri/index.ts';
import { createKubeletClient, type Identity } from '../../src/kube/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { archiveAt, startFakeKubelet } from '../support/fake-kubelet.ts';
import { createFakeRuntime, fakeContainer } from '../support/fake-runtime.ts';
import { type BackendWorld, backendContract } from './backend-contract.ts';

const container = fakeContainer('app');
const target = {
  namespace: container.namespace,
  pod: container.pod,
  podUid: container.podUid,
  container: container.name,
  containerId: container.id,
};
const unknownTarget = { ...target, pod: 'nobody', containerId: 'f'.repeat(64) };

/** A checkpoint that lasts until the other side gives it up. */
function held() {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const run = (signal: AbortSignal) => {
    begun.resolve();
    return new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
        ended.resolve();
      });
    });
  };
  return { begun: begun.promise, ended: ended.promise, run };
}

backendContract('cri', async (): Promise<BackendWorld> => {
  const directory = mkdtempSync(join(tmpdir(), 'stillpoint-contract-'));
  const runtime = createFakeRuntime(join(directory, 'runtime.sock'));
  const clock = createFakeClock();
  runtime.containers.set(container.id, container);
  await runtime.start();
  const client = createRuntimeClient({ socket: runtime.socket, clock, log: silentLogger });
  const write = runtime.onCheckpoint;
  let runsAgain = Promise.resolve();
  return {
    backend: createCriBackend({ runtime: client, clock }),
    target,
    unknownTarget,
    checkpointsDirectory: directory,
    holdNext() {
      const { begun, ended, run } = held();
      runsAgain = ended;
      runtime.onCheckpoint = ({ signal }) => {
        runtime.onCheckpoint = write;
        return run(signal);
      };
      return { begun };
    },
    pass: (ms) => clock.advance(ms),
    runsAgain: () => runsAgain,
    close() {
      client.close();
      runtime.kill();
      rmSync(directory, { recursive: true });
      return Promise.resolve();
    },
  };
});

backendContract('kubelet', async (): Promise<BackendWorld> => {
  const directory = mkdtempSync(join(tmpdir(), 'stillpoint-contract-'));
  const fake = await startFakeKubelet();
  const clock = createFakeClock();
  const identity: Identity = {
    server: fake.address,
    source: 'kubeconfig',
    credentials: () => Promise.resolve({ headers: {}, tls: { insecure: false } }),
  };
  const kubelet = createKubeletClient({
    identity,
    nodeName: 'node-1',
    route: { via: 'direct', address: fake.address, tls: {} },
    clock,
  });
  const write: typeof fake.onCheckpoint = ({ pod }) => {
    if (pod !== target.pod) return Promise.resolve({ status: 404, body: 'pod does not exist' });
    const path = join(directory, `checkpoint-${fake.asked.length}.tar`);
    writeFileSync(path, 'archive', { mode: 0o600 });
    return Promise.resolve(archiveAt(path));
  };
  fake.onCheckpoint = write;
  let runsAgain = Promise.resolve();
  return {
    backend: createKubeletBackend({
      sight: createKubeletSight(kubelet, clock),
      clock,
      checkpointsDirectory: directory,
    }),
    target,
    unknownTarget,
    checkpointsDirectory: directory,
    holdNext() {
      const { begun, ended, run } = held();
      runsAgain = ended;
      fake.onCheckpoint = async ({ signal }) => {
        fake.onCheckpoint = write;
        await run(signal);
        return { status: 500, body: 'connection closed' };
      };
      return { begun };
    },
    pass: (ms) => clock.advance(ms),
    runsAgain: () => runsAgain,
    async close() {
      kubelet.close();
      await fake.close();
      rmSync(directory, { recursive: true });
    },
  };
});
