import type { Command } from 'commander';
import { type GuardFlags, guardFlags, runGuard } from '../../guard/index.ts';

/**
 * `stillpoint guard`: the guard process. Registered here for its help and for whoever runs the
 * program in his own process; src/cli/main.ts runs it before commander is loaded.
 */
export function addGuardCommand(program: Command): void {
  const command = program
    .command('guard')
    .description('run the guard process, which resumes what a dead or hanging agent left paused')
    .addHelpText(
      'after',
      `
An agent starts one by itself where no sidecar runs one; without a guard it pauses nothing. At
SIGTERM the guard stays until no agent is connected and no container stands still, at most 100 s.
Logs are JSON lines on stderr.

Examples:
  stillpoint guard
  stillpoint guard --runtime-socket /run/k3s/containerd/containerd.sock
`,
    );
  for (const [name, flag] of Object.entries(guardFlags)) {
    if (flag.type === 'boolean') command.option(`--${name}`, flag.about, false);
    else command.option(`--${name} <path>`, flag.about, flag.default);
  }
  command.action((flags: GuardFlags) => runGuard(flags));
}
