import { setFlagsFromString } from 'node:v8';
import { errorCodes, messageOf, StillpointError } from '../base/index.ts';
import { readGuardFlags, runGuard } from './main.ts';

// As in src/cli/main.ts. What is imported above is next to nothing in the bundle.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--memory-saver-mode');

/**
 * The program of the guard process: a module of its own in the bundle (scripts/build.ts), that
 * holds nothing but what it needs. `stillpoint guard` ends up here, and so does an agent's child.
 */
async function main(argv: readonly string[]): Promise<number> {
  // What it had to say to somebody who is gone.
  process.stderr.on('error', () => undefined);
  try {
    await runGuard(readGuardFlags(argv));
    return 0;
  } catch (error) {
    const known = error instanceof StillpointError ? error : undefined;
    const code = known?.code ?? 'internal';
    const hint = known?.hint ?? errorCodes.internal.hint;
    process.stderr.write(`error ${code}: ${messageOf(error)}\nhint: ${hint}\n`);
    return errorCodes[code].exitCode;
  }
}

const [, , ...args] = process.argv;
process.exit(await main(args[0] === 'guard' ? args.slice(1) : args));
