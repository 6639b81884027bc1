import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import { type Clock, isStillpointError, messageOf, StillpointError } from '../base/index.ts';
import { type ExecCredential, type ExecPlugin, runExecPlugin } from './exec-plugin.ts';
import { type Credentials, checkServerUrl, type Identity } from './identity.ts';
import { type KubeconfigChoice, readKubeconfig } from './kubeconfig-file.ts';
import { createWatchedFile } from './watched-file.ts';

/** How long an identity provider (OIDC) may take to renew a token. */
const AUTHENTICATION_MS_MAX = 60_000;

export interface KubeconfigOptions {
  paths: readonly string[];
  context?: string;
  /** What an exec plugin gets to see. */
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}

/**
 * The identity that a kubeconfig names: token files and exec plugins by ourselves, everything else
 * (certificates, tokens, OIDC) through the Kubernetes library, which is loaded only here. Its own
 * connections are used only where the kubeconfig names a proxy: they are not kept.
 */
export async function createKubeconfigIdentity(options: KubeconfigOptions): Promise<Identity> {
  const { paths, context } = options;
  const server = checkServerUrl((await readKubeconfig(paths, context)).server, paths.join(', '));
  let ask = await load(options);
  return {
    server,
    source: 'kubeconfig',
    async credentials({ fresh } = { fresh: false }) {
      // Everything anew: the file itself may be what has changed.
      if (fresh) ask = await load(options);
      return ask();
    },
  };
}

async function load(options: KubeconfigOptions): Promise<() => Promise<Credentials>> {
  const { paths, context, clock, env } = options;
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
  let issued: Promise<ExecCredential> | undefined;
  const runOnce = async (plugin: ExecPlugin): Promise<ExecCredential> => {
    const known = await issued?.catch(() => undefined);
    if (known && clock.wallMs() < (known.expiresAtMs ?? Number.POSITIVE_INFINITY)) return known;
    issued = runExecPlugin(plugin, env, clock);
    return issued;
  };
  return async () => {
    const given: RequestOptions = {};
    await withinTime(library.applyToHTTPSOptions(given), choice, clock);
    const token = (await tokenFile?.read())?.trim();
    return toCredentials(given, choice, choice.exec ? await runOnce(choice.exec) : { token });
  };
}

/** Rejects with `timeout` when an identity provider hangs; its errors become `unauthorized`. */
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
  choice: KubeconfigChoice,
  issued: ExecCredential,
): Credentials {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given.headers ?? {})) {
    // A token with the newline of its file would be refused as a header by Node.
    if (value !== undefined) headers[name] = String(value).trim();
  }
  if (given.auth) headers.Authorization = `Basic ${Buffer.from(given.auth).toString('base64')}`;
  if (issued.token !== undefined) headers.Authorization = `Bearer ${issued.token}`;
  return {
    headers,
    tls: {
      ca: pemOf(given.ca),
      cert: issued.cert ?? pemOf(given.cert),
      key: issued.key ?? pemOf(given.key),
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
function toSingleContext({ server, cluster, user }: KubeconfigChoice): Record<string, unknown> {
  // The library refuses http unless told that there is no TLS to verify; checkServerUrl has judged.
  const told = server.startsWith('http:') ? { 'insecure-skip-tls-verify': true } : {};
  return {
    clusters: [{ name: 'cluster', cluster: { ...cluster, ...told } }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  };
}
