import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import { type Clock, isStillpointError, messageOf, StillpointError } from '../base/index.ts';
import { type Credentials, checkServerUrl, type Identity } from './identity.ts';
import { type KubeconfigChoice, readKubeconfig } from './kubeconfig-file.ts';
import { createWatchedFile } from './watched-file.ts';

/** How long an exec plugin or an identity provider may take. */
const AUTHENTICATION_MS_MAX = 60_000;

/**
 * The identity that a kubeconfig names: tokens, client certificates, exec plugins and OIDC through
 * the Kubernetes library, which is loaded only here. The library's own connections are used only
 * where the kubeconfig names a proxy: it makes an Agent that keeps no connection.
 */
export async function createKubeconfigIdentity(options: {
  paths: readonly string[];
  context?: string;
  clock: Clock;
}): Promise<Identity> {
  const { paths, context, clock } = options;
  const server = checkServerUrl((await readKubeconfig(paths, context)).server, paths.join(', '));
  let loaded = await load(paths, context, clock);
  return {
    server,
    source: 'kubeconfig',
    async credentials({ fresh } = { fresh: false }) {
      // The library keeps what an exec plugin gave without an expiry for ever: start anew.
      if (fresh) loaded = await load(paths, context, clock);
      return loaded(fresh);
    },
  };
}

type AskCredentials = (fresh: boolean) => Promise<Credentials>;

async function load(
  paths: readonly string[],
  context: string | undefined,
  clock: Clock,
): Promise<AskCredentials> {
  const choice = await readKubeconfig(paths, context);
  const { KubeConfig } = await import('./kubeconfig-library.ts');
  const library = new KubeConfig();
  try {
    library.loadFromString(JSON.stringify(toSingleContext(choice)));
  } catch (cause) {
    const message = `${paths.join(', ')}: context "${choice.contextName}": ${messageOf(cause)}`;
    throw new StillpointError({ code: 'bad-config', message, cause });
  }
  const tokenFile = choice.tokenFile ? createWatchedFile(choice.tokenFile, clock) : undefined;
  return async (fresh) => {
    const given: RequestOptions = {};
    const asked = library.applyToHTTPSOptions(given);
    await withinTime(asked, choice, clock);
    const token = tokenFile ? (await tokenFile.read(fresh)).trim() : undefined;
    return toCredentials(given, token, choice);
  };
}

/** Rejects with `timeout` when an exec plugin hangs; its errors become `unauthorized`. */
async function withinTime(asked: Promise<void>, choice: KubeconfigChoice, clock: Clock) {
  const where = `context "${choice.contextName}"`;
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(AUTHENTICATION_MS_MAX, () => {
    const message = `${where}: no credentials after ${AUTHENTICATION_MS_MAX / 1000} s`;
    late.reject(new StillpointError({ code: 'timeout', message }));
  });
  try {
    await Promise.race([asked, late.promise]);
  } catch (cause) {
    if (isStillpointError(cause)) throw cause;
    const message = `${where}: credentials cannot be had: ${messageOf(cause).trim()}`;
    throw new StillpointError({ code: 'unauthorized', message, cause });
  } finally {
    cancel();
  }
}

function toCredentials(
  given: RequestOptions & { passphrase?: string },
  token: string | undefined,
  choice: KubeconfigChoice,
): Credentials {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given.headers ?? {})) {
    // A token with the newline of its file would be refused as a header by Node.
    if (value !== undefined) headers[name] = String(value).trim();
  }
  if (given.auth) headers.Authorization = `Basic ${Buffer.from(given.auth).toString('base64')}`;
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  return {
    headers,
    tls: {
      ca: pemOf(given.ca),
      cert: pemOf(given.cert),
      key: pemOf(given.key),
      passphrase: given.passphrase,
      serverName: given.servername,
      insecure: choice.cluster['insecure-skip-tls-verify'] === true,
    },
    proxyAgent: choice.proxyUrl ? (given.agent as Agent) : undefined,
  };
}

function pemOf(material: unknown): string | undefined {
  if (typeof material === 'string') return material;
  return Buffer.isBuffer(material) ? material.toString('utf8') : undefined;
}

/** A kubeconfig of exactly the chosen context; JSON is YAML. */
function toSingleContext(choice: KubeconfigChoice): Record<string, unknown> {
  const { cluster, user } = choice;
  // The library refuses http unless told that there is no TLS to verify; checkServerUrl has judged.
  const isPlain = choice.server.startsWith('http:');
  return {
    clusters: [
      {
        name: 'cluster',
        cluster: isPlain ? { ...cluster, 'insecure-skip-tls-verify': true } : cluster,
      },
    ],
    users: [{ name: 'user', user: withExecInfo(user) }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  };
}

/** Exec plugins expect KUBERNETES_EXEC_INFO (client-go sets it; the library does not). */
function withExecInfo(user: Record<string, unknown>): Record<string, unknown> {
  const exec = user.exec as { apiVersion?: unknown; env?: unknown } | undefined;
  if (!exec) return user;
  const info = {
    kind: 'ExecCredential',
    apiVersion: exec.apiVersion,
    spec: { interactive: false },
  };
  const env = Array.isArray(exec.env) ? exec.env : [];
  const added = { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) };
  return { ...user, exec: { ...exec, env: [added, ...env] } };
}
