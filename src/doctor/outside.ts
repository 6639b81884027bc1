import {
  type AgentConfig,
  type AgentStatus,
  createNodeKubelet,
  findKubeletAddress,
} from '../agent/index.ts';
import { type Clock, type Random, silentLogger } from '../base/index.ts';
import { createRuntimeClient, type RuntimeClient } from '../cri/index.ts';
import {
  type ApiClient,
  createApiClient,
  type Identity,
  type KubeletClient,
  type KubeletConfig,
  resolveIdentity,
} from '../kube/index.ts';
import { createNodeProbe, type NodeProbe, openCgroups } from '../node/index.ts';

export interface OutsideOptions {
  /** The same configuration as the agent's. */
  config: AgentConfig;
  env: Readonly<Record<string, string | undefined>>;
  version: string;
  /** The process that started this one. */
  parentPid: number;
  clock: Clock;
  random: Random;
  /** GET /v1/status on the agent's socket. */
  askAgent(): Promise<AgentStatus>;
}

/** All that checks may ask. What several of them need is asked once. */
export interface Outside extends Omit<OutsideOptions, 'askAgent'> {
  agentStatus(): Promise<AgentStatus>;
  identity(): Promise<Identity>;
  api(): Promise<ApiClient>;
  nodeObject(): Promise<NodeObject>;
  kubelet(): Promise<KubeletClient>;
  /** `https://10.0.0.5:10250`. */
  kubeletAddress(): Promise<string>;
  kubeletConfig(): Promise<KubeletConfig>;
  readonly runtime: RuntimeClient;
  /** Throws `unsupported` on a machine without cgroups. */
  probe(): NodeProbe;
  close(): void;
}

/** What is looked at of a Node object. */
export interface NodeObject {
  status?: {
    conditions?: { type?: string; status?: string; reason?: string; message?: string }[];
    nodeInfo?: {
      kubeletVersion?: string;
      containerRuntimeVersion?: string;
      kernelVersion?: string;
      osImage?: string;
    };
  };
}

/** Opens nothing before it is asked. Error: `bad-config` for the path of the runtime's socket. */
export function createOutside(options: OutsideOptions): Outside {
  const { config, env, clock, askAgent } = options;
  const log = silentLogger;
  const closing: (() => void)[] = [];
  const identity = once(() => {
    const { kubeconfig: kubeconfigPath, context } = config.kubernetes;
    return resolveIdentity({ kubeconfigPath, context, env, clock });
  });
  const api = once(async () => {
    const client = createApiClient(await identity(), { clock, log });
    closing.push(() => client.close());
    return client;
  });
  const kubelet = once(async () => {
    const client = createNodeKubelet({ config, env, clock }, await identity(), await api());
    closing.push(() => client.close());
    return client;
  });
  const runtime = createRuntimeClient({ socket: config.runtime.socket, clock, log });
  closing.push(() => runtime.close());
  return {
    ...options,
    runtime,
    identity,
    api,
    kubelet,
    agentStatus: once(askAgent),
    nodeObject: once(async () => {
      const path = `/api/v1/nodes/${encodeURIComponent(config.node)}`;
      return (await api()).json<NodeObject>({ method: 'GET', path });
    }),
    kubeletAddress: once(async () => findKubeletAddress({ config, env }, await api())),
    kubeletConfig: once(async () => (await kubelet()).config()),
    probe() {
      const { cgroupRoot, procRoot } = config;
      return createNodeProbe({ cgroups: openCgroups({ root: cgroupRoot, procRoot }), procRoot });
    },
    close() {
      for (const close of closing) close();
    },
  };
}

/** The first call asks; later ones get the same answer, or the same error. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}
