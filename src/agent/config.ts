import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
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
  const path = flagPath('--config', flags.config) ?? env.STILLPOINT_CONFIG;
  const file = path === undefined ? defaults() : await readConfigFile(path);
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...rest } = file;
  return deepFreeze({
    ...rest,
    node: nodeName(flags, file, env),
    rulesDir: flagPath('--rules', flags.rules) ?? file.rulesDir,
    checkpointsDir:
      flagPath('--checkpoints-dir', flags.checkpointsDir) ??
      file.checkpointsDir ??
      join(file.rootDir, 'checkpoints'),
    socket: flagPath('--socket', flags.socket) ?? file.socket,
    logLevel: flags.logLevel ?? file.logLevel,
    kubernetes: {
      kubeconfig: flagPath('--kubeconfig', flags.kubeconfig) ?? file.kubernetes.kubeconfig,
      context: flags.context ?? file.kubernetes.context,
    },
  });
}

/** A path of the command line, made absolute: other programs are told of it, such as the runtime. */
function flagPath(flag: string, path: string | undefined): string | undefined {
  if (path === '') throw new StillpointError({ code: 'usage', message: `${flag} is empty` });
  return path === undefined ? undefined : resolve(path);
}

/** A wrong name finds no pods and looks like a calm node, so it is refused here. */
function nodeName(
  flags: ConfigFlags,
  file: AgentConfigFile,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const places: [string, string | undefined][] = [
    ['--node', flags.node],
    ['node of the configuration', file.node],
    ['$NODE_NAME', env.NODE_NAME],
    // The kubelet makes its own default in the same way.
    ['the host name', hostname().trim().toLowerCase()],
  ];
  const [place, name = ''] = places.find(([, one]) => one !== undefined) ?? ['--node', ''];
  const isName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) && name.length <= 253;
  if (isName) return name;
  throw new StillpointError({
    code: 'bad-config',
    message: `${place}: ${JSON.stringify(name)} can be no name of a node`,
    hint: 'Name the node as in `kubectl get nodes`: lower case letters, digits, - and .',
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
