import type { Command } from 'commander';
import type { CommandEnd } from '../exit.ts';
import type { Io } from '../output.ts';

/** `stillpoint demo`: the real agent against a simulated node, with stories to watch. */
export function addDemoCommand(program: Command, io: Io, end: (end: CommandEnd) => void): void {
  program
    .command('demo')
    .description('watch the real agent at work on a simulated node, for about a minute')
    .option('--keep', 'go on after the stories, until Ctrl-C', false)
    .addHelpText(
      'after',
      `
Nothing of this machine is touched but a temporary directory, which is removed at the end.

Examples:
  npm start
  npm start -- --keep
`,
    )
    .action(async ({ keep }: { keep: boolean }) => {
      // Loaded when it is asked for: no other command needs the simulated node.
      const { runDemo } = await import('../demo/index.ts');
      end({ exitCode: await runDemo(io, { keep }) });
    });
}
