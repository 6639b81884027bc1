import type { Command } from 'commander';
import { loadAgentConfig, startAgent } from '../../agent/index.ts';
import { createLogger, createRandom, freshSeed, systemClock } from '../../base/index.ts';
import type { Io } from '../output.ts';
import { untilSignal } from '../signals.ts';
import { stillpointVersion } from '../version.ts';
import { addConfigOptions, type ConfigOptions, configFlagsOf } from './config-options.ts';

/** `stillpoint agent`: runs the agent of this node until SIGTERM or SIGINT. */
export function addAgentCommand(program: Command, io: Io): void {
  const command = program
    .command('agent')
    .description('run the agent of this node until it is told to stop (SIGTERM, Ctrl-C)')
    .addHelpText(
      'after',
      `
Without --config every setting has its default; identity comes from --kubeconfig, $KUBECONFIG,
the pod's service account or ~/.kube/config. Logs are JSON lines on stderr.

Examples:
  stillpoint agent --config /etc/stillpoint/stillpoint.yaml
  stillpoint agent --node node1 --kubeconfig ./kubeconfig --rules ./rules
`,
    );
  addConfigOptions(command).action(async (options: ConfigOptions) => {
    const load = () => loadAgentConfig(configFlagsOf(options), process.env);
    const config = await load();
    const path = options.config ?? process.env.STILLPOINT_CONFIG;
    // From here on: a signal in the middle of a start ends it in order, once it is whole.
    const signalled = untilSignal();
    const agent = await startAgent({
      config,
      configSource: path === undefined ? undefined : { path, load },
      env: process.env,
      version: stillpointVersion(),
      clock: systemClock,
      random: createRandom(freshSeed()),
      log: createLogger(config.logLevel),
    });
    const signal = await signalled;
    io.err(`stillpoint: ${signal}: stopping; a capture under way ends first\n`);
    await agent.stop();
  });
}
