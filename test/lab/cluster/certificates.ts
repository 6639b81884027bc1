import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { apiServiceAddress, controlPlaneAddress, runDir } from '../layout.ts';

export interface KeyPair {
  cert: string;
  key: string;
}

const pkiDir = path.join(runDir, 'pki');

const ca = keyPair('ca');
export const caCert = ca.cert;
const configFile = path.join(pkiDir, 'openssl.cnf');

/** Signs the tokens of service accounts. */
export const serviceAccountKey = path.join(pkiDir, 'service-accounts.key');

export function keyPair(name: string): KeyPair {
  return { cert: path.join(pkiDir, `${name}.crt`), key: path.join(pkiDir, `${name}.key`) };
}

const config = `
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
`;

const apiServerNames = [
  `IP:${controlPlaneAddress}`,
  `IP:${apiServiceAddress}`,
  'DNS:localhost',
  'DNS:kubernetes',
  'DNS:kubernetes.default',
  'DNS:kubernetes.default.svc',
].join(',');

/** The lab's own certificate authority and everything it signs, new at each start. */
export async function makeCertificates(
  nodes: readonly { name: string; address: string }[],
): Promise<void> {
  mkdirSync(pkiDir, { recursive: true, mode: 0o700 });
  writeFileSync(configFile, config);
  // In the old form of such keys: the API server finds the public half in no other.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'sec1', format: 'pem' });
  writeFileSync(serviceAccountKey, pem, { mode: 0o600 });
  await request(ca, '/CN=lab-ca', ['-extensions', 'ca']);
  await Promise.all([
    sign('apiserver', '/CN=apiserver', apiServerNames),
    // The API server's identity towards kubelets: what it asks for on behalf of others, it may.
    sign('kubelet-client', '/O=system:masters/CN=apiserver-kubelet-client', 'DNS:apiserver'),
    ...nodes.map(({ name, address }) =>
      sign(name, `/O=system:nodes/CN=system:node:${name}`, `IP:${address},DNS:${name}`),
    ),
  ]);
}

/** Serves for that node as well as its own does, but an authority nobody trusts has signed it. */
export async function makeForeignCertificate(node: {
  name: string;
  address: string;
}): Promise<KeyPair> {
  const authority = keyPair('foreign-ca');
  await request(authority, '/CN=foreign-ca', ['-extensions', 'ca']);
  const name = `foreign-${node.name}`;
  const names = `IP:${node.address},DNS:${node.name}`;
  await sign(name, `/O=system:nodes/CN=system:node:${node.name}`, names, authority);
  return keyPair(name);
}

function sign(name: string, subject: string, names: string, by = ca): Promise<void> {
  const signed = ['-extensions', 'leaf', '-CA', by.cert, '-CAkey', by.key];
  return request(keyPair(name), subject, [...signed, '-addext', `subjectAltName=${names}`]);
}

async function request(pair: KeyPair, subject: string, more: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', pair.key, '-out', pair.cert];
  await run('openssl', [
    ...['req', '-x509', '-config', configFile, '-days', '30', '-subj', subject],
    ...key,
    ...files,
    ...more,
  ]);
}
