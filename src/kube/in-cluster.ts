import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { type Clock, StillpointError } from '../base/index.ts';
import type { Identity } from './identity.ts';
import { createWatchedFile } from './watched-file.ts';

/** Where every pod finds its service account. */
export const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The service account of the pod that we run in. Token and CA are read again when their files
 * change: a bound token lives an hour and the kubelet replaces it well before.
 */
export function createInClusterIdentity(options: {
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  directory: string;
}): Identity {
  const { env, clock, directory } = options;
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const port = env.KUBERNETES_SERVICE_PORT || '443';
  const token = createWatchedFile(join(directory, 'token'), clock);
  const ca = createWatchedFile(join(directory, 'ca.crt'), clock);
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    source: 'in-cluster',
    async credentials({ fresh } = { fresh: false }) {
      const bearer = (await token.read(fresh)).trim();
      if (bearer === '') {
        throw new StillpointError({
          code: 'bad-config',
          message: `${join(directory, 'token')} is empty; it must hold the service account's token`,
          retryable: true,
        });
      }
      return {
        headers: { Authorization: `Bearer ${bearer}` },
        tls: { ca: await ca.read(fresh), insecure: false },
      };
    },
  };
}
