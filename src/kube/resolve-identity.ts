import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../base/index.ts';
import type { Identity } from './identity.ts';
import { createInClusterIdentity, SERVICE_ACCOUNT_DIRECTORY } from './in-cluster.ts';
import { createKubeconfigIdentity } from './kubeconfig.ts';

export interface ResolveIdentityOptions {
  /** Wins over everything else. */
  kubeconfigPath?: string;
  /** A context of the kubeconfig; default its current-context. */
  context?: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Where the service account is mounted; default that of every pod. */
  serviceAccountDirectory?: string;
}

/**
 * Finds out who we are: the named kubeconfig, else $KUBECONFIG, else the service account of the
 * pod that we run in, else ~/.kube/config. Throws `bad-config` when there is none or it is broken.
 */
export async function resolveIdentity(options: ResolveIdentityOptions): Promise<Identity> {
  const { env, clock, context } = options;
  const named = options.kubeconfigPath ? [options.kubeconfigPath] : kubeconfigPathsOf(env);
  if (named.length > 0) return createKubeconfigIdentity({ paths: named, context, env, clock });
  if (env.KUBERNETES_SERVICE_HOST) {
    const directory = options.serviceAccountDirectory ?? SERVICE_ACCOUNT_DIRECTORY;
    return createInClusterIdentity({ env, clock, directory });
  }
  const path = join(env.HOME || homedir(), '.kube', 'config');
  return createKubeconfigIdentity({ paths: [path], context, env, clock });
}

function kubeconfigPathsOf(env: ResolveIdentityOptions['env']): string[] {
  return (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
}
