import { errorCodes, messageOf, StillpointError } from '../base/index.ts';
import { type Io, paint, printableLines } from './output.ts';

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
`;

/** Prints an error with its next step, and gives the exit code that belongs to it. */
export function reportError(io: Io, error: unknown): number {
  if (!(error instanceof StillpointError)) {
    io.err(`${paint(io, 'red', 'error')}: ${printableLines(messageOf(error))}\n`);
    if (error instanceof Error && error.stack) io.err(`${printableLines(error.stack)}\n`);
    return errorCodes.internal.exitCode;
  }
  io.err(`${paint(io, 'red', 'error')} ${error.code}: ${printableLines(error.message)}\n`);
  if (error.hint) io.err(`${paint(io, 'cyan', 'hint')}: ${printableLines(error.hint)}\n`);
  return errorCodes[error.code].exitCode;
}
