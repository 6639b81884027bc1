import { type Command, Option } from 'commander';
import type { ConfigFlags } from '../../agent/index.ts';

/** Flags that say with which configuration an agent runs. */
export interface ConfigOptions extends ConfigFlags {
  logLevel?: ConfigFlags['logLevel'];
}

export function addConfigOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'AgentConfig (YAML); $STILLPOINT_CONFIG')
    .option('--node <name>', "this node's name in Kubernetes; $NODE_NAME, else the host name")
    .option('--kubeconfig <file>', 'identity for API server and kubelet; $KUBECONFIG')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--rules <path>', 'file or directory of rules and retention policies')
    .option('--checkpoints-dir <dir>', 'where the kubelet keeps checkpoints')
    .option('--socket <path>', "the agent's own socket")
    .addOption(
      new Option('--log-level <level>', 'how much is logged').choices([
        'debug',
        'info',
        'warn',
        'error',
        'silent',
      ]),
    );
}

export function configFlagsOf(options: ConfigOptions): ConfigFlags {
  return options;
}
