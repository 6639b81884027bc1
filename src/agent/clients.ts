import {
  type Clock,
  isStillpointError,
  type Logger,
  type Random,
  StillpointError,
} from '../base/index.ts';
import { createRuntimeClient, type RuntimeClient } from '../cri/index.ts';
import {
  type ApiClient,
  createApiClient,
  createKubeletClient,
  type Identity,
  type KubeletClient,
  type KubeletConfig,
  resolveIdentity,
} from '../kube/index.ts';
import { connectNats, type NatsConnection } from '../nats/index.ts';
import { createNodeProbe, type NodeProbe, openCgroups } from '../node/index.ts';
import type { AgentConfig } from './config-schema.ts';

/** The outside of one node, as clients. */
export interface Clients {
  api: ApiClient;
  kubelet: KubeletClient;
  runtime: RuntimeClient;
  /** Absent on a machine without cgroups: no memory rules, no freezer to look at. */
  node?: NodeProbe;
  /** Absent when none is configured. */
  nats?: NatsConnection;
  close(): Promise<void>;
}

export interface ClientsOptions {
  config: AgentConfig;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
  log: Logger;
  /** The machine; default: where the configuration says that its files are. */
  node?: NodeProbe;
}

/**
 * Makes the clients; none of them connects before it is used, so nothing here waits for anyone.
 * Errors: `bad-config` (no identity, or a file that it names is missing).
 */
export async function createClients(options: ClientsOptions): Promise<Clients> {
  const { config, env, clock, random, log } = options;
  const identity = await resolveIdentity({
    kubeconfigPath: config.kubernetes.kubeconfig,
    context: config.kubernetes.context,
    env,
    clock,
  });
  const api = createApiClient(identity, { clock, log });
  const kubelet = createNodeKubelet(options, identity, api);
  const runtime = createRuntimeClient({ socket: config.runtime.socket, clock, log });
  const nats = config.nats
    ? await connectNats({
        ...config.nats,
        name: `stillpoint-agent/${config.node}`,
        clock,
        random,
        log,
      })
    : undefined;
  return {
    api,
    kubelet,
    runtime,
    node: options.node ?? openNode(options),
    nats,
    async close() {
      await nats?.close();
      runtime.close();
      kubelet.close();
      api.close();
    },
  };
}

function openNode({ config, log }: ClientsOptions): NodeProbe | undefined {
  try {
    const { cgroupRoot, procRoot } = config;
    return createNodeProbe({ cgroups: openCgroups({ root: cgroupRoot, procRoot }), procRoot });
  } catch (error) {
    if (!isStillpointError(error, 'unsupported')) throw error;
    log.warn('no-cgroups', { error });
    return undefined;
  }
}

/**
 * The kubelet of this node. Where no address is configured it is $HOST_IP (the downward API's
 * status.hostIP), else the node's InternalIP as the API server knows it, asked for when it is first
 * needed.
 */
export function createNodeKubelet(
  options: Pick<ClientsOptions, 'config' | 'env' | 'clock'>,
  identity: Identity,
  api: ApiClient,
): KubeletClient {
  const { config, clock } = options;
  const { through, tls } = config.kubelet;
  const make = (url: string) =>
    createKubeletClient({
      identity,
      nodeName: config.node,
      route:
        through === 'api-server'
          ? { via: 'api-proxy' }
          : {
              via: 'direct',
              address: url,
              tls: { caFile: tls.ca, serverName: tls.serverName, pinFile: tls.pin },
            },
      clock,
    });
  if (through === 'api-server') return make('');
  const known = knownKubeletAddress(options);
  if (known !== undefined) return make(known);
  return lazyKubelet(async () => make(await findKubeletAddress(options, api)));
}

function knownKubeletAddress({ config, env }: Pick<ClientsOptions, 'config' | 'env'>) {
  return config.kubelet.address ?? (env.HOST_IP ? kubeletUrl(env.HOST_IP) : undefined);
}

/** Where the kubelet of this node is spoken to directly. Errors: those of ApiClient.json. */
export async function findKubeletAddress(
  options: Pick<ClientsOptions, 'config' | 'env'>,
  api: ApiClient,
): Promise<string> {
  const known = knownKubeletAddress(options);
  return known ?? kubeletUrl(await internalIpOf(api, options.config.node));
}

function kubeletUrl(host: string): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:10250`;
}

interface NodeObject {
  status?: { addresses?: { type?: string; address?: string }[] };
}

async function internalIpOf(api: ApiClient, node: string): Promise<string> {
  const path = `/api/v1/nodes/${encodeURIComponent(node)}`;
  const object = await api.json<NodeObject>({ method: 'GET', path });
  const found = object.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  if (found) return found;
  throw new StillpointError({
    code: 'not-found',
    message: `node ${node} has no InternalIP, so its kubelet cannot be found`,
    hint: 'Set kubelet.address in the configuration.',
  });
}

/** A kubelet client whose address must be asked for; asks again until it has one. */
function lazyKubelet(find: () => Promise<KubeletClient>): KubeletClient {
  let inner: KubeletClient | undefined;
  let finding: Promise<KubeletClient> | undefined;
  let closed = false;
  const findOnce = async () => {
    try {
      const found = await find();
      if (closed) found.close();
      else inner = found;
      return found;
    } finally {
      finding = undefined;
    }
  };
  const get = async () => {
    if (inner) return inner;
    finding ??= findOnce();
    return finding;
  };
  return {
    get address() {
      return inner?.address ?? '(not known yet)';
    },
    requestCheckpoint: async (request, signal) => (await get()).requestCheckpoint(request, signal),
    config: async (): Promise<KubeletConfig> => (await get()).config(),
    probeMetrics: async (signal) => (await get()).probeMetrics(signal),
    close() {
      closed = true;
      inner?.close();
    },
  };
}
