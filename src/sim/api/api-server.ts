import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cancel } from '../../base/index.ts';
import type { Happenings } from '../happenings.ts';
import { HttpsServer, readBody } from '../https-server.ts';
import type { Attributes, Identities, Identity } from '../identities.ts';
import type { Certificate } from '../pki/index.ts';
import { createEvent, patchEvent, type WriteReply } from './event-writes.ts';
import type { ListWatch } from './list-watch.ts';
import { sendJson, sendStatus, sendText } from './replies.ts';
import { parseFieldSelector } from './selectors.ts';
import { isReview, reviewOf } from './self-reviews.ts';
import type { KubeObject, ObjectStore, Resource } from './store.ts';

/** An answer that a test puts in place of the real one. */
export interface Injection {
  status: number;
  /** Requests whose path (with query) contains this text; default all. */
  path?: string;
  method?: string;
  /** Default: for ever. */
  times?: number;
  message?: string;
  /** Sent as `Retry-After`, whole seconds. */
  retryAfterSeconds?: number;
}

interface Route {
  resource: Resource;
  namespace?: string;
  name?: string;
  subresource?: string;
  /** What comes after `…/proxy/`. */
  proxied?: string;
}

const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** What handles requests that the API server passes on to the kubelet. */
export type ProxyToKubelet = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Promise<void>;

/** The part of a Kubernetes API server that an agent speaks to. */
export class ApiServer {
  readonly #store: ObjectStore;
  readonly #listWatch: ListWatch;
  readonly #identities: Identities;
  readonly #happenings: Happenings;
  readonly #proxy: ProxyToKubelet;
  readonly #server: HttpsServer;
  readonly #injections: (Injection & { left: number })[] = [];

  constructor(parts: {
    store: ObjectStore;
    listWatch: ListWatch;
    identities: Identities;
    happenings: Happenings;
    certificate: Certificate;
    proxy: ProxyToKubelet;
  }) {
    this.#store = parts.store;
    this.#listWatch = parts.listWatch;
    this.#identities = parts.identities;
    this.#happenings = parts.happenings;
    this.#proxy = parts.proxy;
    this.#server = new HttpsServer(parts.certificate, (request, response) =>
      this.#answer(request, response),
    );
  }

  get url(): string {
    return this.#server.url;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  /** An outage: connections are torn, nothing listens; objects and history stay. */
  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Puts an answer in place of the real one; the returned function takes it back. */
  inject(injection: Injection): Cancel {
    const entry = { ...injection, left: injection.times ?? Number.POSITIVE_INFINITY };
    this.#injections.push(entry);
    return () => {
      const at = this.#injections.indexOf(entry);
      if (at >= 0) this.#injections.splice(at, 1);
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    response.on('close', () => {
      this.#happenings.tell('api-request', { method, path: url, status: response.statusCode });
    });
    if (this.#sendInjected(method, url, response)) return;
    const { pathname, searchParams } = new URL(url, this.url);
    if (['/healthz', '/livez', '/readyz'].includes(pathname)) {
      sendText(response, 200, 'ok');
      return;
    }
    const identity = this.#identities.find(request.headers.authorization);
    if (!identity) {
      sendStatus(response, 401, 'Unauthorized');
      return;
    }
    if (pathname === '/version') {
      sendJson(response, 200, VERSION);
      return;
    }
    if (method === 'POST' && isReview(pathname)) {
      const body = await readBody(request, BODY_BYTES_MAX);
      sendJson(response, 201, reviewOf(pathname, identity, (body && parseJson(body)) ?? {}));
      return;
    }
    const route = parseRoute(pathname);
    if (!route) {
      sendStatus(response, 404, 'the server could not find the requested resource');
      return;
    }
    const refused = refusal(identity, attributesOf(method, route, searchParams));
    if (refused !== undefined) {
      sendStatus(response, 403, refused);
      return;
    }
    await this.#serve(request, response, route, searchParams);
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    query: URLSearchParams,
  ): Promise<void> {
    if (route.proxied !== undefined) {
      const search = query.size > 0 ? `?${query}` : '';
      await this.#proxy(request, response, `/${route.proxied}${search}`);
    } else if (request.method === 'GET' && route.name !== undefined) {
      this.#get(route, response);
    } else if (request.method === 'GET') {
      this.#collection(route, query, response);
    } else if (route.resource === 'events' && route.namespace !== undefined) {
      await this.#writeEvent(request, response, route.namespace, route.name);
    } else {
      sendStatus(response, 405, 'the server does not allow this method on the requested resource');
    }
  }

  #get({ resource, namespace, name = '' }: Route, response: ServerResponse): void {
    const object = this.#store.get(resource, namespace, name);
    if (object) sendJson(response, 200, object);
    else sendStatus(response, 404, `${resource} "${name}" not found`);
  }

  #collection(route: Route, query: URLSearchParams, response: ServerResponse): void {
    const { resource, namespace } = route;
    const byField = parseFieldSelector(resource, query.get('fieldSelector') ?? '');
    if (typeof byField === 'string') {
      sendStatus(response, 400, byField);
      return;
    }
    if (query.has('labelSelector')) {
      sendStatus(response, 400, 'label selectors are not simulated');
      return;
    }
    if (query.get('sendInitialEvents') === 'true') {
      const why =
        'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
      sendStatus(response, 422, why);
      return;
    }
    const selector = (object: KubeObject) =>
      (namespace === undefined || object.metadata.namespace === namespace) && byField(object);
    const watches = query.get('watch') === 'true' || query.get('watch') === '1';
    if (watches) this.#listWatch.watch({ resource, query, selector }, response);
    else this.#listWatch.list({ resource, query, selector }, response);
  }

  async #writeEvent(
    request: IncomingMessage,
    response: ServerResponse,
    namespace: string,
    name: string | undefined,
  ): Promise<void> {
    const body = await readBody(request, BODY_BYTES_MAX);
    const parsed = body && parseJson(body);
    if (!parsed) {
      if (body) sendStatus(response, 400, 'the body of the request is not a JSON object');
      else sendStatus(response, 413, 'the body of the request is too large');
      return;
    }
    let reply: WriteReply | undefined;
    if (request.method === 'POST' && name === undefined) {
      reply = createEvent(this.#store, namespace, parsed as KubeObject);
    } else if (request.method === 'PATCH' && name !== undefined) {
      reply = patchEvent(this.#store, namespace, name, parsed);
    }
    if (!reply) sendStatus(response, 405, 'the server does not allow this method');
    else if ('object' in reply) sendJson(response, reply.status, reply.object);
    else sendStatus(response, reply.status, reply.message);
  }

  #sendInjected(method: string, url: string, response: ServerResponse): boolean {
    const injected = this.#injections.find(
      (entry) =>
        entry.left > 0 &&
        url.includes(entry.path ?? '') &&
        (entry.method === undefined || entry.method === method),
    );
    if (!injected) return false;
    injected.left--;
    if (injected.retryAfterSeconds !== undefined) {
      response.setHeader('retry-after', String(injected.retryAfterSeconds));
    }
    sendStatus(response, injected.status, injected.message ?? 'injected by the sim');
    return true;
  }
}

const VERSION = {
  major: '1',
  minor: '37',
  gitVersion: 'v1.37.0+simulated',
  platform: 'linux/amd64',
};

const ROUTES = [
  /^\/api\/v1\/(?<resource>pods|events|nodes)$/,
  /^\/api\/v1\/nodes\/(?<name>[^/]+)$/,
  /^\/api\/v1\/nodes\/(?<name>[^/]+)\/(?<subresource>proxy)\/(?<proxied>.*)$/,
  /^\/api\/v1\/namespaces\/(?<namespace>[^/]+)\/(?<resource>pods|events)(?:\/(?<name>[^/]+))?$/,
  /^\/apis\/apps\/v1\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<resource>replicasets)(?:\/(?<name>[^/]+))?$/,
  /^\/apis\/batch\/v1\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<resource>jobs)(?:\/(?<name>[^/]+))?$/,
];

function parseRoute(pathname: string): Route | undefined {
  for (const pattern of ROUTES) {
    const groups = pattern.exec(pathname)?.groups;
    if (!groups) continue;
    const { resource = 'nodes', namespace, name, subresource, proxied } = groups;
    const decode = (text: string | undefined) => text && decodeURIComponent(text);
    return {
      resource: resource as Resource,
      namespace: decode(namespace),
      name: decode(name),
      subresource,
      proxied,
    };
  }
  return undefined;
}

function attributesOf(method: string, route: Route, query: URLSearchParams): Attributes {
  const watches = query.get('watch') === 'true' || query.get('watch') === '1';
  const reading = watches ? 'watch' : 'list';
  const verbs: Record<string, string> = { POST: 'create', PATCH: 'patch', DELETE: 'delete' };
  const verb = method === 'GET' ? (route.name === undefined ? reading : 'get') : verbs[method];
  const { resource, subresource, namespace, name } = route;
  return { verb: verb ?? method.toLowerCase(), resource, subresource, namespace, name };
}

/** Undefined when it may; else the words of a real API server. */
function refusal({ user, may }: Identity, attributes: Attributes): string | undefined {
  if (may(attributes)) return undefined;
  const { verb, resource, subresource, namespace, name } = attributes;
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const named = name === undefined ? what : `${what} "${name}"`;
  const where =
    namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const group = { replicasets: 'apps', jobs: 'batch' }[resource] ?? '';
  return `${named} is forbidden: User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`;
}

function parseJson(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Not JSON: the caller answers 400.
    return undefined;
  }
}
