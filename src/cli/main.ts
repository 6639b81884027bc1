import { setFlagsFromString } from 'node:v8';

const NODE_MAJOR_MIN = 24;
if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  console.error(`stillpoint needs Node.js ${NODE_MAJOR_MIN}; this is ${process.version}`);
  process.exit(2);
}

// The node belongs to its workloads: a young generation that stays at 1 MiB and early collections
// save 15 MB of an idle agent and 50 MB of a busy one, for a tenth more of its CPU time. V8 obeys
// from the next collection on, so this comes before anything is loaded.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--memory-saver-mode');

const [command, ...rest] = process.argv.slice(2);
if (command === 'guard' && !rest.some((flag) => flag === '-h' || flag === '--help')) {
  // The guard process is to be small for as long as it lives: nothing else is loaded.
  const inBundle = !import.meta.url.endsWith('.ts');
  const path = inBundle ? './guard-process.mjs' : '../guard/guard-process.ts';
  await import(new URL(path, import.meta.url).href);
}

const { nodeCodeOf } = await import('../base/index.ts');
const { processIo } = await import('./output.ts');
const { runProgram } = await import('./program.ts');

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    // A reader that has seen enough (`| head`), or a terminal that was closed, is no failure, and
    // what must be undone still is.
    if (!['EPIPE', 'EIO'].includes(nodeCodeOf(error) ?? '')) throw error;
  });
}
process.exitCode = await runProgram(process.argv.slice(2), processIo(process.env));
