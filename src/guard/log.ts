import { write } from 'node:fs';
import {
  type Clock,
  isStillpointError,
  type LogFields,
  type Logger,
  type LogLevel,
} from '../base/index.ts';

/** A log that never holds the guard up, whatever stands at the other end of it. */
export interface LineLog extends Logger {
  /** Resolves when all lines are out. */
  flushed(): Promise<void>;
}

/** From the least to the most that is said. */
const levels: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];

/** Beyond this many waiting lines new ones are dropped: resuming goes before telling. */
const WAITING_MAX = 200;

/**
 * JSON lines in the form of the agent's own, without its library. Written one after another and in
 * the background: a pipe that nobody reads holds up a thread, not the guard. Lines that cannot be
 * written are lost: the agent, whose terminal it was, is gone.
 */
export function createLineLog(clock: Clock, level: LogLevel, descriptor = 2): LineLog {
  const waiting: string[] = [];
  let writing: Promise<void> | undefined;
  const writeAll = async () => {
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
      const text = line;
      await new Promise<void>((resolve) => write(descriptor, text, () => resolve()));
    }
    writing = undefined;
  };
  const line: WriteLine = (of, event, fields = {}) => {
    if (levels.indexOf(of) > levels.indexOf(level) || waiting.length >= WAITING_MAX) return;
    const time = new Date(clock.wallMs()).toISOString();
    waiting.push(`${JSON.stringify({ level: of, time, ...fields, event }, errorsAsData)}\n`);
    writing ??= writeAll();
  };
  return { ...loggerOf(line, {}), flushed: async () => writing };
}

type WriteLine = (of: LogLevel, event: string, fields?: LogFields) => void;

function loggerOf(line: WriteLine, always: LogFields): Logger {
  const at = (level: LogLevel) => (event: string, fields?: LogFields) =>
    line(level, event, { ...always, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => loggerOf(line, { ...always, ...fields }),
  };
}

function errorsAsData(_key: string, value: unknown): unknown {
  if (!Error.isError(value)) return value;
  if (isStillpointError(value)) {
    return { code: value.code, message: value.message, hint: value.hint };
  }
  return { message: value.message, stack: value.stack };
}
