import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Clock } from '../../base/index.ts';
import { sendJson, sendText } from '../api/index.ts';
import { HttpsServer } from '../https-server.ts';
import type { Identities, Identity } from '../identities.ts';
import { lifeOf, type NodeModel } from '../model/index.ts';
import type { Certificate } from '../pki/index.ts';
import type { CheckpointRunner, GivenUp } from '../runtime/index.ts';
import { archiveName, parseTimeout } from './checkpoint-request.ts';
import { probeMetrics } from './probe-metrics.ts';

export interface KubeletParts {
  nodeName: string;
  certificate: Certificate;
  identities: Identities;
  clock: Clock;
  model: NodeModel;
  runner: CheckpointRunner;
  checkpointsDir: string;
  criSocket: string;
  cgroupDriver: string;
  evictionHard: Readonly<Record<string, string>>;
  utcOffsetMinutes: number;
}

/** KubeletConfiguration.runtimeRequestTimeout; a `timeout` below it changes nothing. */
const RUNTIME_REQUEST_TIMEOUT_SECONDS = 120;

/** Who asks through the API server: the API server itself, which may do all. */
const API_SERVER: Identity = { user: 'kube-apiserver-kubelet-client', token: '', may: () => true };

/** The kubelet's HTTPS endpoint, as far as checkpoints need it. */
export class KubeletServer {
  readonly #parts: KubeletParts;
  readonly #server: HttpsServer;
  /** Off: as with the feature gate ContainerCheckpoint off. */
  checkpointEnabled = true;

  constructor(parts: KubeletParts) {
    this.#parts = parts;
    this.#server = new HttpsServer(parts.certificate, async (request, response) => {
      const identity = parts.identities.find(request.headers.authorization);
      if (identity) await this.serve(request, response, request.url ?? '/', identity);
      else sendText(response, 401, 'Unauthorized');
    });
  }

  get url(): string {
    return this.#server.url;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  /** Tears all connections: checkpoints under way are cancelled, as when a kubelet dies. */
  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Answers a request; `path` with query. The API server's node proxy enters here too. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    identity = API_SERVER,
  ): Promise<void> {
    const { pathname, searchParams } = new URL(path, this.url);
    const refused = refusal(identity, request.method ?? 'GET', pathname, this.#parts.nodeName);
    if (refused !== undefined) {
      sendText(response, 403, refused);
      return;
    }
    if (pathname === '/healthz') {
      sendText(response, 200, 'ok');
    } else if (pathname === '/configz') {
      sendJson(response, 200, { kubeletconfig: this.#configuration() });
    } else if (pathname === '/metrics/probes') {
      sendText(response, 200, probeMetrics(this.#parts.model));
    } else {
      await this.#routeCheckpoint(request, response, pathname, searchParams);
    }
  }

  async #routeCheckpoint(
    request: IncomingMessage,
    response: ServerResponse,
    pathname: string,
    query: URLSearchParams,
  ): Promise<void> {
    const names = /^\/checkpoint\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(pathname);
    if (!names || !this.checkpointEnabled) {
      sendText(response, 404, '404: Page Not Found');
    } else if (request.method !== 'POST') {
      sendText(response, 405, '405: Method Not Allowed');
    } else {
      request.resume();
      const [namespace = '', pod = '', container = ''] = names.slice(1).map(decodeURIComponent);
      await this.#checkpoint(response, { namespace, pod, container }, query);
    }
  }

  async #checkpoint(
    response: ServerResponse,
    names: { namespace: string; pod: string; container: string },
    query: URLSearchParams,
  ): Promise<void> {
    const { model, clock, checkpointsDir, utcOffsetMinutes, runner } = this.#parts;
    const pod = model.pod(names.namespace, names.pod);
    if (!pod) {
      sendText(response, 404, 'pod does not exist');
      return;
    }
    const container = pod.containers.find(({ spec }) => spec.name === names.container);
    if (!container) {
      sendText(response, 404, `container ${names.container} does not exist`);
      return;
    }
    const timeout = parseTimeout(query.getAll('timeout'));
    if (timeout.kind === 'unreadable') {
      sendText(response, 404, 'cannot parse value of timeout parameter');
      return;
    }
    const full = `${names.namespace}/${names.pod}/${names.container}`;
    const fail = (why: string) =>
      sendText(response, 500, `checkpointing of ${full} failed (${why})`);
    const life = lifeOf(container);
    if (!life) {
      fail(`container ${names.container} not found`);
    } else if (timeout.kind === 'negative') {
      fail('CheckpointContainer requires the timeout value to be > 0');
    } else {
      const seconds = Math.max(timeout.seconds, RUNTIME_REQUEST_TIMEOUT_SECONDS);
      const call = callOf(response, clock, seconds * 1_000);
      const name = archiveName(names, clock.wallMs(), utcOffsetMinutes);
      const location = join(checkpointsDir, name);
      const { containerId } = life;
      const result = await runner.run({
        via: 'kubelet',
        containerId,
        location,
        signal: call.signal,
      });
      call.end();
      if (result.code === 'OK') sendJson(response, 200, { items: [location] });
      else fail(`rpc error: code = ${result.code} desc = ${result.message}`);
    }
  }

  #configuration() {
    const { criSocket, cgroupDriver, evictionHard } = this.#parts;
    return {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      containerRuntimeEndpoint: `unix://${criSocket}`,
      runtimeRequestTimeout: '2m0s',
      cgroupDriver,
      cgroupRoot: '/',
      cgroupsPerQOS: true,
      evictionHard,
    };
  }
}

/** The runtime call behind one HTTP request: it ends with the connection or at its deadline. */
function callOf(response: ServerResponse, clock: Clock, deadlineMs: number) {
  const controller = new AbortController();
  const giveUp = (why: GivenUp) => controller.abort(why);
  const cancelTimer = clock.after(deadlineMs, () => giveUp('deadline'));
  const onClose = () => giveUp('cancelled');
  response.once('close', onClose);
  return {
    signal: controller.signal,
    end: () => {
      cancelTimer();
      response.off('close', onClose);
    },
  };
}

/** Undefined when it may; else the kubelet's words, which name what was missing. */
function refusal(
  { user, may }: Identity,
  method: string,
  pathname: string,
  nodeName: string,
): string | undefined {
  const verbs: Record<string, string> = { POST: 'create', PUT: 'update', DELETE: 'delete' };
  const verb = verbs[method] ?? 'get';
  const subresources = subresourcesOf(pathname);
  const allowed = subresources.some((subresource) =>
    may({ verb, resource: 'nodes', subresource, name: nodeName }),
  );
  if (allowed) return undefined;
  const shown = subresources.join(' ');
  return `Forbidden (user=${user}, verb=${verb}, resource=nodes, subresource(s)=[${shown}])\n`;
}

/** KubeletFineGrainedAuthz: the fine one first, then proxy; a checkpoint knows only its own. */
function subresourcesOf(pathname: string): string[] {
  if (pathname.startsWith('/checkpoint/')) return ['checkpoint'];
  if (pathname.startsWith('/metrics/')) return ['metrics', 'proxy'];
  if (pathname === '/healthz') return ['healthz', 'proxy'];
  if (pathname === '/configz') return ['configz', 'proxy'];
  return ['proxy'];
}
