import { Command, CommanderError } from 'commander';
import { addAgentCommand } from './commands/agent.ts';
import { addArchivesCommand } from './commands/archives.ts';
import { addCanaryCommand } from './commands/canary.ts';
import { addCaptureCommand } from './commands/capture.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addGuardCommand } from './commands/guard.ts';
import { addRulesCommand } from './commands/rules.ts';
import { addOutputOption, type OutputOptions } from './commands/shared-options.ts';
import { addStatusCommands } from './commands/status.ts';
import { type CommandEnd, exitCodeHelp, reportError } from './exit.ts';
import { formatData, type Io, type OutputFormat } from './output.ts';
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
  addGuardCommand(program);
  addCanaryCommand(program);
  addVersionCommand(program, io);
  addHelpCommand(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its message already; help and version are no failures.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(io, error, format);
  }
}

function addVersionCommand(program: Command, io: Io): void {
  const command = program.command('version').description('the version of this program');
  addOutputOption(command).action(({ output }: OutputOptions) => {
    const versions = { version: stillpointVersion(), node: process.version };
    if (output === 'table') io.out(`stillpoint ${versions.version}, node ${versions.node}\n`);
    else io.out(formatData(output, versions));
  });
}

/** `help`, `help rules`, `help rules check`: commander's own goes one word deep. */
function addHelpCommand(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .argument('[command...]')
    .description('display help for a command')
    .action((names: string[]) => {
      let found = program;
      for (const name of names) {
        const next = found.commands.find((command) => command.name() === name);
        if (!next) found.error(`error: unknown command '${name}'`);
        else found = next;
      }
      found.help();
    });
}
