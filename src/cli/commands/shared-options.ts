import { type Command, Option } from 'commander';
import { type OutputFormat, outputFormats } from '../output.ts';

export const SOCKET_DEFAULT = '/run/stillpoint/agent.sock';
export const CHECKPOINTS_DIR_DEFAULT = '/var/lib/kubelet/checkpoints';

export interface SocketOptions {
  socket: string;
}

export interface OutputOptions {
  output: OutputFormat;
}

export function addSocketOption(command: Command): Command {
  return command.addOption(
    new Option('--socket <path>', "the agent's socket")
      .default(SOCKET_DEFAULT)
      .env('STILLPOINT_SOCKET'),
  );
}

export function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how it is shown').choices(outputFormats).default('table'),
  );
}

export function addDirOption(command: Command): Command {
  return command.addOption(
    new Option('--dir <directory>', 'checkpoints directory')
      .default(CHECKPOINTS_DIR_DEFAULT)
      .env('STILLPOINT_CHECKPOINTS_DIR'),
  );
}
