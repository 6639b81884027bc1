import { readGuardFlags, runGuard } from '../guard/index.ts';

/** `stillpoint guard` without the rest of the command line; resolves with the exit code. */
export async function runGuardAlone(argv: readonly string[]): Promise<number> {
  // What it had to say to somebody who is gone.
  process.stderr.on('error', () => undefined);
  try {
    await runGuard(readGuardFlags(argv));
    return 0;
  } catch (error) {
    const { reportError } = await import('./exit.ts');
    const { processIo } = await import('./output.ts');
    return reportError(processIo(process.env), error);
  }
}
