import type { Agent } from 'node:http';
import { StillpointError } from '../base/index.ts';

/** What a TLS connection is made with. */
export interface TlsMaterial {
  /** PEM; absent = the roots that Node knows. */
  ca?: string;
  /** PEM of our client certificate. */
  cert?: string;
  key?: string;
  passphrase?: string;
  /** The name that the certificate must carry when it is not the host of the address. */
  serverName?: string;
  /** PEM: exactly this certificate of the server is accepted, too, whatever the CA says. */
  pin?: string;
  /** Only where a kubeconfig says insecure-skip-tls-verify itself; never a default of ours. */
  insecure: boolean;
}

/** Who we are at one moment: may differ at the next call (tokens and certificates rotate). */
export interface Credentials {
  /** `Authorization`, and `Impersonate-User` where a kubeconfig asks for it. */
  headers: Readonly<Record<string, string>>;
  tls: TlsMaterial;
  /** Set where a kubeconfig names a proxy: its connections take the place of our own pool. */
  proxyAgent?: Agent;
}

/** Who we are to the API server, and where it is. */
export interface Identity {
  readonly server: string;
  readonly source: 'in-cluster' | 'kubeconfig';
  /**
   * Asked before each request; cheap. `fresh` gives up everything cached: the server has just said
   * 401. Errors: `bad-config` (a file is missing or unreadable), `unauthorized` (an exec plugin or
   * an identity provider refused), `timeout` (it did not answer).
   */
  credentials(options?: { fresh: boolean }): Promise<Credentials>;
}

/**
 * Refuses plain http to another machine: the token would travel in clear text. On this machine it
 * is what `kubectl proxy` and the sim speak.
 */
export function checkServerUrl(text: string, where: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    const message = `${where}: "${text}" is no URL; allowed: https://HOST[:PORT][/PATH]`;
    throw new StillpointError({ code: 'bad-config', message, cause });
  }
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback)) {
    throw new StillpointError({
      code: 'bad-config',
      message: `${where}: "${text}" is not allowed; only https, or http on this machine`,
      hint: 'Use the https address.',
    });
  }
  return text.replace(/\/+$/, '');
}
