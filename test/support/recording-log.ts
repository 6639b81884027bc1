import type { LogFields, Logger } from '../../src/base/index.ts';

/** One line that was logged. */
export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  event: string;
  fields: LogFields;
}

/** A logger that keeps its lines, for tests that look at what is said. */
export function createRecordingLog(hear?: (line: LogLine) => void): {
  log: Logger;
  lines: LogLine[];
} {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine['level'], more: LogFields) =>
    (event: string, fields: LogFields = {}) => {
      const line = { level, event, fields: { ...more, ...fields } };
      lines.push(line);
      hear?.(line);
    };
  const make = (more: LogFields): Logger => ({
    debug: at('debug', more),
    info: at('info', more),
    warn: at('warn', more),
    error: at('error', more),
    with: (fields) => make({ ...more, ...fields }),
  });
  return { log: make({}), lines };
}
