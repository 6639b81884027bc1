import { stringify } from 'yaml';

/** A kubeconfig with one cluster and one user with a token, all inline. */
export function kubeconfigText(fields: { server: string; caPem: string; token: string }): string {
  const ca = Buffer.from(fields.caPem, 'utf8').toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'simulated', cluster: { server: fields.server, 'certificate-authority-data': ca } },
    ],
    users: [{ name: 'agent', user: { token: fields.token } }],
    contexts: [{ name: 'simulated', context: { cluster: 'simulated', user: 'agent' } }],
    'current-context': 'simulated',
  });
}
