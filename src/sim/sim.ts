import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  type Cleanup,
  createCleanup,
  freshSeed,
  messageOf,
  StillpointError,
} from '../base/index.ts';
import { ApiServer, type Injection, ListWatch, ObjectStore } from './api/index.ts';
import { createCgroupTree } from './cgroups/index.ts';
import { CheckpointFaults } from './faults.ts';
import { Happenings } from './happenings.ts';
import { agentMay, Identities } from './identities.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { KubeletServer } from './kubelet/index.ts';
import { EventRecorder, hexDigits, NodeModel, PodLogs, type Running } from './model/index.ts';
import { nodeJson } from './node-json.ts';
import { type SimOptions, type SimSettings, withDefaults } from './options.ts';
import { type Authority, type Certificate, createAuthority } from './pki/index.ts';
import {
  archiveContent,
  CheckpointRunner,
  CriServer,
  changedFiles,
  LayerStore,
  NativeTasks,
  ShimLocks,
} from './runtime/index.ts';
import { Scenario } from './scenario.ts';

/** Where the parts of a started sim are found: what an agent's configuration needs. */
export interface SimInfo {
  nodeName: string;
  kubeconfigPath: string;
  apiUrl: string;
  kubeletUrl: string;
  /** Verifies the API server, and the kubelet when its certificate is the cluster's. */
  caPath: string;
  /** The kubelet's serving certificate and its issuer, for pinning. */
  kubeletCertPath: string;
  /** Absolute path of the runtime's socket, short enough for every system. */
  criSocketPath: string;
  cgroupRoot: string;
  procRoot: string;
  checkpointsDir: string;
  /** A directory on the file system that containerd would use. */
  containerdRoot: string;
  /** Bearer token of the agent's service account, with the rights that an agent needs and no more. */
  token: string;
}

/** A simulated node. Everything of it runs in this process and on 127.0.0.1. */
export interface Sim {
  /** Complete once start() has resolved. */
  readonly info: SimInfo;
  readonly scenario: Scenario;
  readonly happenings: Happenings;
  readonly faults: CheckpointFaults;
  readonly identities: Identities;
  readonly store: ObjectStore;
  readonly api: ApiServer;
  readonly watches: ListWatch;
  readonly kubelet: KubeletServer;
  readonly runtime: CriServer;
  readonly model: NodeModel;
  /** Snapshots, content and leases of the runtime. */
  readonly layers: LayerStore;
  /** Forgets the API server's history: watches from before, and begun lists, get a 410. */
  compact(): void;
  start(): Promise<void>;
  /** Stops all; leaves the checkpoints directory and nothing else of its own. */
  stop(): Promise<void>;
}

export type { Injection };

/** sun_path of macOS holds 104 bytes, the final zero included. */
const SOCKET_PATH_BYTES_MAX = 100;
const SNAPSHOTTER = 'overlayfs';
const USER = 'system:serviceaccount:stillpoint:agent';

/**
 * Joins the parts of a simulated node. Nothing runs and no file is there before start(); a start
 * that fails leaves nothing behind.
 */
export function createSim(options: SimOptions): Sim {
  const settings = withDefaults({ ...options, dir: resolve(options.dir) });
  const places = placesIn(settings.dir);
  const authority = createAuthority('simulated-cluster-ca');
  const kubeletCertificate = servingCertificate(settings, authority);
  const happenings = new Happenings();
  const identities = new Identities();
  const store = new ObjectStore();
  const core = createCore(settings, places, store, happenings);
  const kubelet = new KubeletServer({
    ...settings,
    ...places,
    ...core,
    certificate: kubeletCertificate,
    identities,
    criSocket: places.socketPath,
  });
  const watches = new ListWatch({ ...settings, store, happenings });
  const api = new ApiServer({
    ...{ store, listWatch: watches, identities, happenings },
    certificate: authority.issueServing('kube-apiserver', ['127.0.0.1', 'localhost', 'kubernetes']),
    proxy: (request, response, path) => kubelet.serve(request, response, path),
  });
  const runtime = new CriServer({ ...settings, ...places, ...core, happenings });
  const token = hexDigits(settings.random, 40);
  identities.add({ user: USER, token, may: agentMay });
  const cleanup = createCleanup();
  const parts = { happenings, identities, store, api, watches, kubelet, runtime };
  const info = () => infoOf(settings, places, parts, token);
  const stop = async () => {
    throwFirst(await cleanup.run());
  };
  return {
    ...parts,
    model: core.model,
    layers: core.layers,
    faults: core.faults,
    scenario: new Scenario(core.model, core.recorder, happenings),
    get info() {
      return info();
    },
    compact: () => {
      store.compact();
      watches.forgetSnapshots();
    },
    start: async () => {
      try {
        makeDirectories(settings, places, cleanup);
        core.cgroups.prepare();
        store.put('nodes', nodeJson(settings));
        await startServers(parts, core, cleanup);
        writeIdentityFiles(info(), authority, kubeletCertificate);
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}

type Servers = Pick<Sim, 'api' | 'kubelet' | 'runtime'>;

/** In the order of use; the cleanup stops them in the other. */
async function startServers(servers: Servers, core: Core, cleanup: Cleanup): Promise<void> {
  for (const name of ['api', 'kubelet', 'runtime'] as const) {
    cleanup.add(name, () => servers[name].stop());
    await servers[name].start();
  }
  cleanup.add('checkpoints', () => core.runner.stop());
  cleanup.add('tasks', () => core.tasks.stop());
  cleanup.add('model', () => core.model.stop());
  core.model.start();
}

function infoOf(settings: SimSettings, places: Places, servers: Servers, token: string): SimInfo {
  const { socketPath, logsDir: _, ...shown } = places;
  return {
    ...shown,
    criSocketPath: socketPath,
    token,
    nodeName: settings.nodeName,
    apiUrl: servers.api.url,
    kubeletUrl: servers.kubelet.url,
  };
}

function writeIdentityFiles(info: SimInfo, authority: Authority, kubelet: Certificate): void {
  writeFileSync(info.caPath, authority.certPem);
  writeFileSync(info.kubeletCertPath, kubelet.certPem);
  const { apiUrl: server, token } = info;
  const kubeconfig = kubeconfigText({ server, caPem: authority.certPem, token });
  writeFileSync(info.kubeconfigPath, kubeconfig, { mode: 0o600 });
}

function throwFirst(failed: { what: string; error: unknown }[]): void {
  const [first] = failed;
  if (!first) return;
  throw new StillpointError({
    code: 'internal',
    message: `sim: ${first.what} could not be stopped: ${messageOf(first.error)}`,
    cause: first.error,
  });
}

type Core = ReturnType<typeof createCore>;
type Places = ReturnType<typeof placesIn>;

/** What stop() removes; the checkpoints directory stays, archives are their owner's. */
const OURS = ['kubeconfig', 'pki', 'cgroup', 'proc', 'logs', 'containerd'];

function placesIn(dir: string) {
  const at = (name: string) => join(dir, name);
  const socketPath = at('cri.sock');
  const fits = Buffer.byteLength(socketPath) < SOCKET_PATH_BYTES_MAX;
  return {
    kubeconfigPath: at('kubeconfig'),
    caPath: at('pki/ca.crt'),
    kubeletCertPath: at('pki/kubelet.crt'),
    cgroupRoot: at('cgroup'),
    procRoot: at('proc'),
    logsDir: at('logs'),
    checkpointsDir: at('checkpoints'),
    containerdRoot: at('containerd'),
    socketPath: fits
      ? socketPath
      : join(tmpdir(), `sp-sim-${freshSeed().toString(36)}`, 'cri.sock'),
  };
}

function makeDirectories({ dir }: SimSettings, places: Places, cleanup: Cleanup): void {
  mkdirSync(dir, { recursive: true });
  mkdirSync(places.checkpointsDir, { recursive: true, mode: 0o700 });
  const socketDir = dirname(places.socketPath);
  if (socketDir !== dir) {
    mkdirSync(socketDir, { mode: 0o700 });
    cleanup.add('socket directory', () => rmSync(socketDir, { recursive: true, force: true }));
  }
  cleanup.add('files', () => {
    for (const name of OURS) rmSync(join(dir, name), { recursive: true, force: true });
  });
  for (const name of ['pki', 'cgroup', 'proc', 'logs', 'containerd']) {
    mkdirSync(join(dir, name), { recursive: true });
  }
}

/** The node itself: containers, cgroup files, Events, and how a checkpoint goes. */
function createCore(
  settings: SimSettings,
  places: Places,
  store: ObjectStore,
  happenings: Happenings,
) {
  const { clock, nodeName, cgroupVersion, cgroupDriver, checkpoint } = settings;
  const cgroups = createCgroupTree(cgroupVersion, {
    root: places.cgroupRoot,
    procRoot: places.procRoot,
    driver: cgroupDriver,
  });
  const recorder = new EventRecorder(store, clock, happenings, nodeName);
  const logs = new PodLogs(places.logsDir, clock);
  const faults = new CheckpointFaults();
  const shared = { clock, cgroups, logs, happenings };
  const model = new NodeModel({ ...settings, ...shared, store, recorder });
  const acting = { ...shared, model, faults, speed: checkpoint, locks: new ShimLocks() };
  const contentOf = (running: Running, bytes: number, criuFrozenMs: number) =>
    archiveContent(running, {
      cgroupsPath: cgroups.cgroupsPath(running.pod, running.life),
      ...{ logs, bytes, criuFrozenMs },
      nowMs: clock.wallMs(),
      pagesScale: checkpoint.pagesScale,
    });
  const hasShims = settings.runtime.name === 'containerd';
  const runner = new CheckpointRunner({ ...acting, contentOf, hasShims });
  const tasks = new NativeTasks({ ...acting, contentOf });
  const { containerdRoot } = places;
  const held = { snapshotter: SNAPSHOTTER, containerdRoot };
  const layers = new LayerStore({ ...shared, ...held, model, faults, changesOf: changedFiles });
  return {
    cgroups,
    recorder,
    logs,
    faults,
    model,
    runner,
    tasks,
    layers,
    snapshotter: SNAPSHOTTER,
  };
}

function servingCertificate(settings: SimSettings, cluster: Authority): Certificate {
  const { nodeName, kubeletCertificate } = settings;
  if (kubeletCertificate === 'cluster') {
    return cluster.issueServing(`system:node:${nodeName}`, ['127.0.0.1', nodeName]);
  }
  // As a kubelet without serving-certificate bootstrap: the name of the node only, no address.
  const own = createAuthority(`${nodeName}-ca`);
  const leaf = own.issueServing(nodeName, [nodeName]);
  return { certPem: leaf.certPem + own.certPem, keyPem: leaf.keyPem };
}
