import { writeFileSync } from 'node:fs';
import { apiServerUrl } from '../layout.ts';
import { caCert } from './certificates.ts';

/** A kubeconfig for a bearer token. It is written as JSON, which is YAML as well. */
export function writeKubeconfig(file: string, token: string): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server: apiServerUrl, 'certificate-authority': caCert } }],
    users: [{ name: 'lab', user: { token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    'current-context': 'lab',
  };
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}
