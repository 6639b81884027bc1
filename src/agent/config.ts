import { hostname } from 'node:os';
import {
  API_VERSION,
  deepFreeze,
  mistakesError,
  parseYaml,
  readYaml,
  StillpointError,
  unknownKind,
  validateDocument,
  type YamlDocuments,
} from '../base/index.ts';
import { type AgentConfig, type AgentConfigFile, agentConfigSchema } from './config-schema.ts';

/** What flags of the command line may set; undefined = not given. They win over all else. */
export interface ConfigFlags {
  config?: string;
  node?: string;
  kubeconfig?: string;
  context?: string;
  rules?: string;
  checkpointsDir?: string;
  socket?: string;
  logLevel?: AgentConfig['logLevel'];
}

/**
 * The configuration from file, environment (NODE_NAME, KUBECONFIG) and flags, later ones winning.
 * A path that was asked for must exist; without one, defaults alone are used. Error: `bad-config`
 * with every mistake and its place. The result is frozen: nothing changes it while it runs.
 */
export async function loadAgentConfig(
  flags: ConfigFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<AgentConfig> {
  const path = flags.config ?? env.STILLPOINT_CONFIG;
  const file = path === undefined ? defaults() : await readConfigFile(path);
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...rest } = file;
  return deepFreeze({
    ...rest,
    node: flags.node ?? file.node ?? env.NODE_NAME ?? hostname(),
    rulesDir: flags.rules ?? file.rulesDir,
    checkpointsDir: flags.checkpointsDir ?? file.checkpointsDir,
    socket: flags.socket ?? file.socket,
    logLevel: flags.logLevel ?? file.logLevel,
    kubernetes: {
      kubeconfig: flags.kubeconfig ?? file.kubernetes.kubeconfig,
      context: flags.context ?? file.kubernetes.context,
    },
  });
}

function defaults(): AgentConfigFile {
  return agentConfigSchema.parse({ apiVersion: API_VERSION, kind: 'AgentConfig' });
}

async function readConfigFile(path: string): Promise<AgentConfigFile> {
  return configFromDocuments(await readYaml(path), path);
}

/** The same from a text, for tests and for `deploy` checks. */
export function parseAgentConfig(text: string, file: string): AgentConfigFile {
  return configFromDocuments(parseYaml(text, file), file);
}

function configFromDocuments({ documents, mistakes }: YamlDocuments, path: string) {
  const [first, second] = documents;
  if (mistakes.length > 0) throw mistakesError('bad-config', mistakes);
  if (!first || second) {
    throw new StillpointError({
      code: 'bad-config',
      message: `${path}: must hold exactly one document of kind AgentConfig, holds ${documents.length}`,
    });
  }
  if (first.kind !== 'AgentConfig') {
    throw mistakesError('bad-config', [unknownKind(first, ['AgentConfig'])]);
  }
  const validated = validateDocument<AgentConfigFile>(first, agentConfigSchema);
  if (!validated.ok) throw mistakesError('bad-config', validated.mistakes);
  return validated.value;
}
