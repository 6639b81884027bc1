import { errorCodes, messageOf, StillpointError } from '../base/index.ts';
import { formatData, type Io, type OutputFormat, paint, printableLines } from './output.ts';

/** What a command ends with; the process exits with `exitCode`. */
export interface CommandEnd {
  exitCode: number;
}

/** What `--help` tells of exit codes; the numbers are those of src/base/error-codes.ts. */
export const exitCodeHelp = `Exit codes:
  0  done
  1  failed
  2  wrong use, or a file that cannot be used
  3  not reachable now; the same command may work later
  4  refused, for the reason that is named
  5  an archive or a record is not sound
With --output json or yaml an error is data too, on stderr.
`;

/** An error as data: what the agent's own API answers with, too. */
export function errorForMachines(error: unknown) {
  if (error instanceof StillpointError) {
    const { code, message, hint, retryable } = error;
    return { code, message, hint, retryable };
  }
  const { hint, retryable } = errorCodes.internal;
  return { code: 'internal', message: messageOf(error), hint, retryable };
}

/**
 * Prints an error with its next step, on stderr in the form that output was asked for, and gives
 * the exit code that belongs to it.
 */
export function reportError(io: Io, error: unknown, format: OutputFormat = 'table'): number {
  if (format === 'table') describeError(io, error);
  else io.err(formatData(format, { error: errorForMachines(error) }));
  return exitCodeOf(error);
}

/** The exit code that belongs to an error. */
export function exitCodeOf(error: unknown): number {
  return errorCodes[error instanceof StillpointError ? error.code : 'internal'].exitCode;
}

function describeError(io: Io, error: unknown): void {
  if (!(error instanceof StillpointError)) {
    io.err(`${paint(io, 'red', 'error')}: ${printableLines(messageOf(error))}\n`);
    if (error instanceof Error && error.stack) io.err(`${printableLines(error.stack)}\n`);
    return;
  }
  io.err(`${paint(io, 'red', 'error')} ${error.code}: ${printableLines(error.message)}\n`);
  if (error.hint) io.err(`${paint(io, 'cyan', 'hint')}: ${printableLines(error.hint)}\n`);
}
