import type { Socket } from 'node:net';
import { type Clock, messageOf } from '../base/index.ts';
import {
  createLineReader,
  type FromAgent,
  type FromGuard,
  LINE_BYTES_MAX,
  readFromAgent,
  writeLine,
} from '../lease/index.ts';

/** One connection. */
export interface Session {
  say(message: FromGuard): void;
  /** Ends it without `onEnd`: another has taken its place, or the guard leaves. */
  drop(): void;
}

export interface SessionOptions {
  socket: Socket;
  clock: Clock;
  onMessage(message: FromAgent): void;
  /** Once, when the connection has ended, whoever ended it and why. */
  onEnd(why: string): void;
}

/** Who connects says hello at once. */
const HELLO_MS_MAX = 2_000;

/** An agent that reads no answers is not written to without end. */
const UNREAD_BYTES_MAX = 256 * 1024;

/** Reads the lines of one connection. A line that is none ends it, as if the agent had died. */
export function createSession(options: SessionOptions): Session {
  const { socket, clock, onMessage, onEnd } = options;
  let ended = false;
  const end = (why: string) => {
    if (ended) return;
    ended = true;
    cancelHello();
    socket.destroy();
    onEnd(why);
  };
  const cancelHello = clock.after(HELLO_MS_MAX, () => end('no hello in time'));
  const reader = createLineReader(LINE_BYTES_MAX, (line) => {
    if (ended) return;
    const message = readFromAgent(line);
    cancelHello();
    onMessage(message);
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.take(chunk);
    } catch (error) {
      end(messageOf(error));
    }
  });
  socket.on('end', () => end('end of file'));
  socket.on('close', () => end('closed'));
  socket.on('error', (error) => end(messageOf(error)));
  return {
    say(message) {
      if (ended || !socket.writable) return;
      if (socket.writableLength > UNREAD_BYTES_MAX) end('it does not read what it is told');
      else socket.write(writeLine(message));
    },
    drop() {
      if (ended) return;
      ended = true;
      cancelHello();
      // What was said last is with the kernel then.
      socket.end(() => socket.destroy());
    },
  };
}
