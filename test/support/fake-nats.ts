import { createServer, type Server, type Socket } from 'node:net';

/**
 * A NATS server small enough to read: the text protocol of core NATS (INFO, CONNECT, PING, SUB,
 * UNSUB, PUB) in this process, so that the contract suite always has something to run on.
 * https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
export interface FakeNats {
  readonly url: string;
  /** Resolves when somebody has subscribed to exactly this subject (at once if already). */
  subscribed(subject: string): Promise<void>;
  stop(): Promise<void>;
}

export interface FakeNatsOptions {
  /** 0 picks one. */
  port?: number;
  token?: string;
  user?: { name: string; password: string };
  payloadBytesMax?: number;
  /** Subjects that nobody may listen on. */
  denySubscribe?: readonly string[];
}

interface Subscription {
  client: Client;
  subject: string;
  queue?: string;
  id: string;
}

interface Client {
  socket: Socket;
  buffer: Buffer;
  /** A PUB line that waits for its payload. */
  pending?: { subject: string; bytes: number };
  accepted: boolean;
}

export async function startFakeNats(options: FakeNatsOptions = {}): Promise<FakeNats> {
  const hub = new Hub(options);
  const server = createServer((socket) => hub.accept(socket));
  await listen(server, options.port ?? 0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  hub.port = address.port;
  return {
    url: `nats://127.0.0.1:${address.port}`,
    subscribed: (subject) => hub.subscribed(subject),
    stop: () => hub.stop(server),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

class Hub {
  port = 0;
  private readonly options: FakeNatsOptions;
  private readonly clients = new Set<Client>();
  private readonly subscriptions = new Set<Subscription>();
  private readonly waiters = new Set<{ subject: string; resolve: () => void }>();

  constructor(options: FakeNatsOptions) {
    this.options = options;
  }

  accept(socket: Socket): void {
    const client: Client = { socket, buffer: Buffer.alloc(0), accepted: false };
    this.clients.add(client);
    const authRequired = this.options.token !== undefined || this.options.user !== undefined;
    const info = {
      server_id: 'FAKE',
      server_name: 'fake',
      version: '2.10.0',
      proto: 1,
      host: '127.0.0.1',
      port: this.port,
      headers: true,
      max_payload: this.options.payloadBytesMax ?? 1_048_576,
      ...(authRequired ? { auth_required: true } : {}),
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (chunk: Buffer) => {
      client.buffer = Buffer.concat([client.buffer, chunk]);
      this.consume(client);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.forget(client));
  }

  subscribed(subject: string): Promise<void> {
    const known = [...this.subscriptions].some((one) => one.subject === subject);
    if (known) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiters.add({ subject, resolve });
    });
  }

  stop(server: Server): Promise<void> {
    for (const client of this.clients) client.socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  }

  private forget(client: Client): void {
    this.clients.delete(client);
    for (const one of this.subscriptions) {
      if (one.client === client) this.subscriptions.delete(one);
    }
  }

  private consume(client: Client): void {
    for (;;) {
      if (client.pending) {
        const { subject, bytes } = client.pending;
        if (client.buffer.length < bytes + 2) return;
        const payload = client.buffer.subarray(0, bytes);
        client.buffer = client.buffer.subarray(bytes + 2);
        client.pending = undefined;
        this.deliver(subject, payload);
        continue;
      }
      const end = client.buffer.indexOf('\r\n');
      if (end < 0) return;
      const line = client.buffer.subarray(0, end).toString('utf8');
      client.buffer = client.buffer.subarray(end + 2);
      this.obey(client, line);
    }
  }

  private obey(client: Client, line: string): void {
    const [verb = '', ...words] = line.split(/\s+/);
    switch (verb.toUpperCase()) {
      case 'CONNECT':
        client.accepted = this.mayEnter(line.slice(line.indexOf('{')));
        if (!client.accepted) client.socket.end("-ERR 'Authorization Violation'\r\n");
        return;
      case 'PING':
        if (client.accepted) client.socket.write('PONG\r\n');
        return;
      case 'SUB':
        this.subscribe(client, words);
        return;
      case 'UNSUB':
        for (const one of this.subscriptions) {
          if (one.client === client && one.id === words[0]) this.subscriptions.delete(one);
        }
        return;
      case 'PUB': {
        const bytes = Number(words.at(-1));
        if (bytes > (this.options.payloadBytesMax ?? 1_048_576)) {
          client.socket.end("-ERR 'Maximum Payload Violation'\r\n");
          return;
        }
        client.pending = { subject: words[0] ?? '', bytes };
        return;
      }
      default:
        return;
    }
  }

  private mayEnter(connect: string): boolean {
    const given = JSON.parse(connect) as { auth_token?: string; user?: string; pass?: string };
    const { token, user } = this.options;
    if (token !== undefined) return given.auth_token === token;
    if (user !== undefined) return given.user === user.name && given.pass === user.password;
    return true;
  }

  private subscribe(client: Client, words: string[]): void {
    const subject = words[0] ?? '';
    if (this.options.denySubscribe?.includes(subject)) {
      client.socket.write(`-ERR 'Permissions Violation for Subscription to "${subject}"'\r\n`);
      return;
    }
    const id = words.at(-1) ?? '';
    const queue = words.length === 3 ? words[1] : undefined;
    this.subscriptions.add({ client, subject, id, ...(queue === undefined ? {} : { queue }) });
    for (const waiter of this.waiters) {
      if (waiter.subject !== subject) continue;
      this.waiters.delete(waiter);
      waiter.resolve();
    }
  }

  private deliver(subject: string, payload: Buffer): void {
    const served = new Set<string>();
    for (const one of this.subscriptions) {
      if (!subjectMatches(one.subject, subject)) continue;
      if (one.queue !== undefined) {
        const group = `${one.subject} ${one.queue}`;
        if (served.has(group)) continue;
        served.add(group);
      }
      one.client.socket.write(`MSG ${subject} ${one.id} ${payload.length}\r\n`);
      one.client.socket.write(payload);
      one.client.socket.write('\r\n');
    }
  }
}

function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const given = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return given.length > index;
    if (given[index] === undefined || (token !== '*' && token !== given[index])) return false;
  }
  return wanted.length === given.length;
}
