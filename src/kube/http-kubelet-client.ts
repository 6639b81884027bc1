import { type Clock, StillpointError } from '../base/index.ts';
import { createDeadline, unlessAborted } from './deadline.ts';
import { type Asked, fromStatus, fromTransport } from './from-http.ts';
import { type Credentials, checkServerUrl, type Identity } from './identity.ts';
import type { KubeletClient, KubeletReply } from './kubelet-client.ts';
import { readKubeletConfig } from './kubelet-config.ts';
import { parseJson, readStart } from './read-body.ts';
import { createTransport } from './transport.ts';
import { createWatchedFile, type WatchedFile } from './watched-file.ts';

/** How the kubelet's certificate is proved; the cluster's CA is always tried first. */
export interface KubeletTls {
  /** PEM file; default the CA of our identity. */
  caFile?: string;
  /** The name in the certificate; default the node's name, as kubelets have it. */
  serverName?: string;
  /** PEM file of the kubelet's own certificate, `pki/kubelet.crt`: exactly it is accepted, too. */
  pinFile?: string;
}

/** The way to the kubelet. */
export type KubeletRoute =
  /** `https://10.0.0.5:10250`. */
  | { via: 'direct'; address: string; tls: KubeletTls }
  /** Through the API server: needs nodes/proxy, which is far more than a checkpoint. A try-out. */
  | { via: 'api-proxy' };

export interface KubeletClientOptions {
  identity: Identity;
  nodeName: string;
  route: KubeletRoute;
  clock: Clock;
}

const REPLY_BYTES_MAX = 64 * 1024;
const CONFIG_BYTES_MAX = 1024 * 1024;
const CONFIG_TIMEOUT_MS = 15_000;
const METRICS_BYTES_MAX = 8 * 1024 * 1024;
const METRICS_TIMEOUT_MS = 10_000;

/**
 * The kubelet over HTTP/1.1. Throws `bad-config` when the address is not allowed. Files named in
 * `tls` are read when they are needed, and again when they change.
 */
export function createKubeletClient(options: KubeletClientOptions): KubeletClient {
  const way =
    options.route.via === 'direct' ? directWay(options, options.route) : proxyWay(options);
  const { server, prefix } = way;
  const transport = createTransport(server, options.clock);

  /** Any HTTP reply; a 401, which has done nothing yet, once more with fresh credentials. */
  const send = async (
    asked: Asked,
    bytesMax: number,
    signal: AbortSignal,
    accept = 'application/json',
  ) => {
    const request = { ...asked, headers: { Accept: accept } };
    try {
      let reply: KubeletReply = { status: 0, body: '' };
      for (const fresh of [false, true]) {
        const credentials = await unlessAborted(way.credentials(fresh), signal);
        const head = await transport.open(request, credentials, signal);
        const { text } = await readStart(head, bytesMax);
        reply = { status: head.statusCode ?? 0, body: text };
        if (reply.status !== 401) break;
      }
      return reply;
    } catch (error) {
      throw fromTransport(error, asked, signal);
    }
  };

  return {
    address: `${server}${prefix}`,
    requestCheckpoint: ({ namespace, pod, container, timeoutSeconds }, signal) => {
      const parts = [namespace, pod, container].map(encodeURIComponent).join('/');
      const path = `${prefix}/checkpoint/${parts}?timeout=${timeoutSeconds}`;
      return send({ method: 'POST', path, server }, REPLY_BYTES_MAX, signal);
    },
    async config() {
      const asked: Asked = { method: 'GET', path: `${prefix}/configz`, server };
      const deadline = createDeadline(options.clock, CONFIG_TIMEOUT_MS, asked);
      try {
        const reply = await send(asked, CONFIG_BYTES_MAX, deadline.signal);
        if (reply.status !== 200) throw fromStatus(reply, asked, way.configRule);
        return readKubeletConfig(parseJson<unknown>(reply.body, asked), server);
      } finally {
        deadline.end();
      }
    },
    async probeMetrics(signal) {
      const asked: Asked = { method: 'GET', path: `${prefix}/metrics/probes`, server };
      const deadline = createDeadline(options.clock, METRICS_TIMEOUT_MS, asked);
      try {
        const either = AbortSignal.any([signal, deadline.signal]);
        const reply = await send(asked, METRICS_BYTES_MAX, either, 'text/plain');
        if (reply.status !== 200) throw fromStatus(reply, asked, way.metricsRule);
        return reply.body;
      } finally {
        deadline.end();
      }
    },
    close: () => transport.close(),
  };
}

interface Way {
  server: string;
  /** Before each path of the kubelet. */
  prefix: string;
  credentials(fresh: boolean): Promise<Credentials>;
  /** The RBAC rule that config() needs. */
  configRule: string;
  /** The RBAC rule that probeMetrics() needs. */
  metricsRule: string;
}

const PROXY_RULE = 'apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"]';

function proxyWay({ identity, nodeName }: KubeletClientOptions): Way {
  return {
    server: identity.server,
    prefix: `/api/v1/nodes/${encodeURIComponent(nodeName)}/proxy`,
    credentials: (fresh) => identity.credentials({ fresh }),
    configRule: PROXY_RULE,
    metricsRule: PROXY_RULE,
  };
}

const noHeaders: Readonly<Record<string, string>> = {};

function directWay(
  { identity, nodeName, clock }: KubeletClientOptions,
  { address, tls: { caFile, serverName, pinFile } }: KubeletRoute & { via: 'direct' },
): Way {
  const ca = caFile ? createWatchedFile(caFile, clock) : undefined;
  const pin = pinFile ? createWatchedFile(pinFile, clock) : undefined;
  return {
    server: checkServerUrl(address, 'kubelet.address'),
    prefix: '',
    async credentials(fresh) {
      const { headers, tls } = await identity.credentials({ fresh });
      const { Authorization } = headers;
      return {
        // Impersonation is a matter of the API server: the kubelet gets our identity and no more.
        headers: Authorization ? { Authorization } : noHeaders,
        tls: {
          ...tls,
          ca: ca ? await readPem(ca, fresh, 'kubelet.tls.ca') : tls.ca,
          serverName: serverName ?? nodeName,
          pin: pin && (await readPem(pin, fresh, 'kubelet.tls.pin')),
          insecure: false,
        },
      };
    },
    configRule: 'apiGroups: [""], resources: ["nodes/configz"], verbs: ["get"]',
    metricsRule: 'apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"]',
  };
}

/** OpenSSL takes any text for a list of no CAs, and then trusts nobody without saying why. */
async function readPem(file: WatchedFile, fresh: boolean, key: string): Promise<string> {
  const pem = await file.read(fresh);
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new StillpointError({
    code: 'bad-config',
    message: `${key}: ${file.path} holds no PEM certificate`,
    hint: 'Name a file with a certificate (-----BEGIN CERTIFICATE-----).',
    retryable: true,
  });
}
