import { nodeCodeOf } from '../base/index.ts';
import { processIo } from './output.ts';
import { runProgram } from './program.ts';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    // A reader that has seen enough (`| head`), or a terminal that was closed, is no failure, and
    // what must be undone still is.
    if (!['EPIPE', 'EIO'].includes(nodeCodeOf(error) ?? '')) throw error;
  });
}
process.exitCode = await runProgram(process.argv.slice(2), processIo(process.env));
