import { type DestinationStream, type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';

/** Fields of one log line. No secrets, no alert texts that were not redacted. */
export type LogFields = Record<string, unknown>;

/** One line a fact. `event` is a short kebab-case name that a machine can count. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  with(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Pino writing JSON lines, synchronously: what was logged before a crash is on disk. Transports
 * are not used: their worker cannot be found inside a bundle.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: {},
    timestamp: () => `,"time":"${new Date(Date.now()).toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: 'event',
  };
  return wrap(pino(options, destination ?? pino.destination({ dest: 2, sync: true })));
}

/** Says nothing; for tests and for one-shot commands. */
export const silentLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  with: () => silentLogger,
};

function ignore(): void {
  // A silent logger has nothing to do.
}

function wrap(inner: Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'child'>): Logger {
  return {
    debug: (event, fields) => inner.debug(errorsAsData(fields), event),
    info: (event, fields) => inner.info(errorsAsData(fields), event),
    warn: (event, fields) => inner.warn(errorsAsData(fields), event),
    error: (event, fields) => inner.error(errorsAsData(fields), event),
    with: (fields) => wrap(inner.child(fields)),
  };
}

/** Errors in a line keep code, message and hint; a stack belongs to internal errors only. */
function errorsAsData(fields: LogFields = {}): LogFields {
  const error = fields.error;
  if (!(error instanceof Error)) return fields;
  const { code, hint } = error as Error & { code?: string; hint?: string };
  const stack = code === undefined || code === 'internal' ? { stack: error.stack } : {};
  return { ...fields, error: { code, message: error.message, hint, ...stack } };
}
