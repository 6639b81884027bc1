import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeKubeletCheckpoint {
  namespace: string;
  pod: string;
  container: string;
  timeoutSeconds: string;
  /** Aborted when the client closes the connection. */
  signal: AbortSignal;
}

export interface FakeKubeletReply {
  status: number;
  body: string;
}

/** The checkpoint endpoint of a kubelet, over plain HTTP on the loopback. */
export interface FakeKubelet {
  readonly address: string;
  readonly asked: FakeKubeletCheckpoint[];
  onCheckpoint: (checkpoint: FakeKubeletCheckpoint) => Promise<FakeKubeletReply>;
  close(): Promise<void>;
}

export async function startFakeKubelet(): Promise<FakeKubelet> {
  const server = createServer((request, response) => void answer(fake, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakeKubelet = {
    address: `http://127.0.0.1:${port}`,
    asked: [],
    onCheckpoint: () => Promise.resolve({ status: 404, body: 'pod does not exist' }),
    close: () => close(server),
  };
  return fake;
}

/** `{"items":[path]}`, as the kubelet says it. */
export function archiveAt(path: string): FakeKubeletReply {
  return { status: 200, body: JSON.stringify({ items: [path] }) };
}

async function answer(
  fake: FakeKubelet,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', fake.address);
  const [, , namespace = '', pod = '', container = ''] = url.pathname.split('/');
  const closed = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) closed.abort();
  });
  const timeoutSeconds = url.searchParams.get('timeout') ?? '';
  const checkpoint = { namespace, pod, container, timeoutSeconds, signal: closed.signal };
  fake.asked.push(checkpoint);
  const { status, body } = await fake.onCheckpoint(checkpoint);
  if (!closed.signal.aborted) response.writeHead(status).end(body);
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
