import { readFileSync } from 'node:fs';
import https from 'node:https';
import { type LabNode, readLabInfo } from '../lab-info.ts';
import { isInsideLab } from '../layout.ts';

export interface KubeletReply {
  status: number;
  body: string;
}

/**
 * Sends one request to a kubelet, by default with all rights. Only from inside the lab's network
 * namespace, where "npm run test:node" runs every test.
 */
export function askKubelet(
  node: LabNode,
  method: 'GET' | 'POST',
  path: string,
  options: { token?: string } = {},
): Promise<KubeletReply> {
  if (!isInsideLab()) {
    throw new Error('kubelets can be reached inside the lab only: run this by "npm run test:node"');
  }
  const lab = readLabInfo();
  const selfSigned = lab.kubeletCert === 'self-signed';
  const request = https.request(new URL(path, node.kubeletUrl), {
    method,
    headers: { authorization: `Bearer ${options.token ?? lab.adminToken}` },
    ca: readFileSync(selfSigned ? node.kubeletCertFile : lab.caFile),
    // A self-signed certificate names the host alone, not the address.
    servername: node.name,
    agent: false,
  });
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() });
      });
    });
    request.end();
  });
}

/** Asks the kubelet itself for a checkpoint; the body of a 200 names the archive. */
export function askKubeletForCheckpoint(
  node: LabNode,
  target: { namespace?: string; pod: string; container?: string },
  options: { token?: string; timeoutS?: number } = {},
): Promise<KubeletReply> {
  const { namespace = 'default', pod, container = 'work' } = target;
  const path = `/checkpoint/${namespace}/${pod}/${container}?timeout=${options.timeoutS ?? 600}`;
  return askKubelet(node, 'POST', path, options);
}
