import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterEach, describe, expect, it } from '@jest/globals';
import { assetPath } from '../../src/base/index.ts';
import { CART, CART_APP, MIB, type Rig, useSims } from './rig.ts';

type Reply = Record<string, unknown>;
type Ask = (request: Reply, done: (error: unknown, reply: Reply) => void) => void;

const startSim = useSims();
const clients: grpc.Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** A bare client of the CRI service, for calls that the agent's client does not make. */
function bareClient(rig: Rig) {
  const options = { keepCase: true, longs: Number, enums: String, defaults: true };
  const definition = loadSync(assetPath('proto/cri.proto'), options)['runtime.v1.RuntimeService'];
  const Client = grpc.makeClientConstructor(definition as grpc.ServiceDefinition, 'RuntimeService');
  const address = `unix:${rig.sim.info.criSocketPath}`;
  const client = new Client(address, grpc.credentials.createInsecure());
  clients.push(client);
  return client;
}

function ask(client: grpc.Client, method: string, request: Reply = {}): Promise<Reply> {
  const call = (client as unknown as Record<string, Ask>)[method]?.bind(client);
  return new Promise((resolve, reject) => {
    call?.(request, (error, reply) => (error ? reject(error) : resolve(reply)));
  });
}

describe('the simulated runtime', () => {
  it('says that it is containerd, simulated, and ready', async () => {
    const rig = await startSim({ cgroupDriver: 'systemd' });
    const client = bareClient(rig);
    const version = expect.stringContaining('simulated');
    expect(await rig.runtime.version()).toEqual({ name: 'containerd', version });
    const status = await ask(client, 'Status', { verbose: true });
    const ready = expect.objectContaining({ type: 'RuntimeReady', status: true });
    expect(status).toMatchObject({ status: { conditions: [ready, expect.anything()] } });
    const { config } = status.info as { config: string };
    expect(JSON.parse(config)).toMatchObject({ containerdRootDir: rig.sim.info.containerdRoot });
    const driver = await ask(client, 'RuntimeConfig');
    expect(driver).toEqual({ linux: { cgroup_driver: 'SYSTEMD' } });
  });

  it('lists the life that runs beside the one that ended, with their attempts', async () => {
    const rig = await startSim();
    rig.sim.scenario.addPod(CART);
    const first = rig.sim.scenario.running(CART_APP).life.containerId;
    rig.sim.scenario.exit(CART_APP, 3);
    await rig.clock.advance(20);
    const second = rig.sim.scenario.running(CART_APP).life.containerId;
    const { containers } = await ask(bareClient(rig), 'ListContainers');
    expect(containers).toMatchObject([
      { id: second, state: 'CONTAINER_RUNNING', metadata: { name: 'app', attempt: 1 } },
      { id: first, state: 'CONTAINER_EXITED', metadata: { name: 'app', attempt: 0 } },
    ]);
    expect(await rig.runtime.listRunning()).toMatchObject([{ id: second, pod: 'cart' }]);
    const ended = await ask(bareClient(rig), 'ContainerStatus', { container_id: first });
    expect(ended).toMatchObject({ status: { exit_code: 3, reason: 'Error' } });
  });

  it('tells pid, cgroup and limit of a container, found by a prefix of its id too', async () => {
    const rig = await startSim();
    const pod = rig.sim.scenario.addPod(CART);
    const { containerId, pid } = rig.sim.scenario.running(CART_APP).life;
    expect(await rig.runtime.status(containerId.slice(0, 12))).toMatchObject({
      id: containerId,
      pid,
      cgroupsPath: `/kubepods/burstable/pod${pod.uid}/${containerId}`,
      memoryLimitBytes: 256 * MIB,
    });
    await expect(rig.runtime.status('f'.repeat(64))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('tells the mirror of a static pod by the uid of its file, as real runtimes do', async () => {
    const rig = await startSim();
    const pod = rig.sim.scenario.addPod({ ...CART, name: 'cart', isStatic: true });
    const [listed] = await rig.runtime.listRunning();
    expect(listed?.podUid).toBe(pod.annotations['kubernetes.io/config.hash']);
    expect(listed?.podUid).not.toBe(pod.uid);
  });

  it('streams what starts and stops to every subscriber', async () => {
    const rig = await startSim();
    const client = bareClient(rig) as unknown as {
      GetContainerEvents: (request: Reply) => grpc.ClientReadableStream<Reply>;
    };
    const seen: Reply[] = [];
    const stopped = Promise.withResolvers<void>();
    const stream = client.GetContainerEvents({});
    stream.on('error', () => undefined);
    stream.on('data', (event: Reply) => {
      seen.push(event);
      if (event.container_event_type === 'CONTAINER_STOPPED_EVENT') stopped.resolve();
    });
    await rig.sim.happenings.first('events-subscribed');
    rig.sim.scenario.addPod(CART);
    rig.sim.scenario.exit(CART_APP, 137, 'OOMKilled');
    await stopped.promise;
    stream.cancel();
    expect(seen.map((event) => event.container_event_type)).toEqual([
      'CONTAINER_CREATED_EVENT',
      'CONTAINER_STARTED_EVENT',
      'CONTAINER_STOPPED_EVENT',
    ]);
    const end = { exit_code: 137, reason: 'OOMKilled' };
    expect(seen.at(-1)).toMatchObject({ containers_statuses: [end] });
  });
});
