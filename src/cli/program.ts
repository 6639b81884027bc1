import { Command, CommanderError } from 'commander';
import { addAgentCommand } from './commands/agent.ts';
import { addArchivesCommand } from './commands/archives.ts';
import { addCanaryCommand } from './commands/canary.ts';
import { addCaptureCommand } from './commands/capture.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addRulesCommand } from './commands/rules.ts';
import type { OutputOptions } from './commands/shared-options.ts';
import { addStatusCommands } from './commands/status.ts';
import { type CommandEnd, exitCodeHelp, reportError } from './exit.ts';
import type { Io, OutputFormat } from './output.ts';
import { stillpointVersion } from './version.ts';

/** Runs one command line (without node and script); resolves with the exit code. Never throws. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  const end = (ended: CommandEnd) => {
    exitCode = ended.exitCode;
  };
  const program = new Command('stillpoint')
    .description('takes the checkpoint of a container before the container is gone')
    .version(stillpointVersion(), '-V, --version')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride()
    .addHelpText('after', `\n${exitCodeHelp}`);
  let format: OutputFormat = 'table';
  program.hook('preAction', (_program, command) => {
    format = command.opts<Partial<OutputOptions>>().output ?? 'table';
  });
  addAgentCommand(program, io);
  addDemoCommand(program, io, end);
  addRulesCommand(program, io, end);
  addArchivesCommand(program, io, end);
  addCaptureCommand(program, io, end);
  addStatusCommands(program, io);
  addDoctorCommand(program, io, end);
  addCanaryCommand(program);
  program
    .command('version')
    .description('the version of this program')
    .action(() => io.out(`stillpoint ${stillpointVersion()}, node ${process.version}\n`));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its message already; help and version are no failures.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(io, error, format);
  }
}
