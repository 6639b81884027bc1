import { createServer, type Server, type Socket } from 'node:net';
import {
  createLineReader,
  type FromAgent,
  type FromGuard,
  LINE_BYTES_MAX,
  readFromAgent,
  writeLine,
} from '../../src/lease/index.ts';

/** The guard's side of the socket, with a test in the guard's place. */
export interface ScriptedGuard {
  /** The next message of an agent that was not taken yet. */
  next(): Promise<FromAgent>;
  /** How many messages wait to be taken. */
  waiting(): number;
  say(...messages: FromGuard[]): void;
  sayText(text: string): void;
  /** Takes a hello and answers with a welcome. */
  welcome(lapsed?: number[]): Promise<FromAgent & { is: 'hello' }>;
  /** Ends the connection; it goes on listening. */
  hangUp(): void;
  close(): Promise<void>;
}

export async function listenAsGuard(path: string): Promise<ScriptedGuard> {
  const messages: FromAgent[] = [];
  const takers: ((message: FromAgent) => void)[] = [];
  let agent: Socket | undefined;
  const server: Server = createServer((socket) => {
    agent = socket;
    const reader = createLineReader(LINE_BYTES_MAX, (line) => {
      const message = readFromAgent(line);
      const taker = takers.shift();
      if (taker) taker(message);
      else messages.push(message);
    });
    socket.on('data', (chunk: Buffer) => reader.take(chunk));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const next = (): Promise<FromAgent> => {
    const message = messages.shift();
    if (message) return Promise.resolve(message);
    return new Promise((resolve) => takers.push(resolve));
  };
  const sayText = (text: string) => void agent?.write(text);
  return {
    next,
    waiting: () => messages.length,
    say: (...said) => sayText(said.map(writeLine).join('')),
    sayText,
    async welcome(lapsed = []) {
      const hello = await next();
      if (hello.is !== 'hello') throw new Error(`not a hello: ${hello.is}`);
      sayText(writeLine({ is: 'welcome', version: 1, pid: 99, lapsed }));
      return hello;
    },
    hangUp: () => agent?.destroy(),
    async close() {
      agent?.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
