import { type Cancel, type Clock, type Logger, messageOf } from '../base/index.ts';
import type { AgentConfig, AgentMode } from './config-schema.ts';
import { signatureOf } from './file-signature.ts';

/** Where the configuration came from, to look at it again. */
export interface ConfigSource {
  path: string;
  /** Reads it as at the start. Errors: `bad-config`. */
  load(): Promise<AgentConfig>;
}

export interface ConfigWatchOptions {
  /** As at the start. */
  config: AgentConfig;
  /** Absent: nothing changes while the agent runs. */
  source?: ConfigSource;
  clock: Clock;
  log: Logger;
  /** After `mode()` has changed. */
  onMode(mode: AgentMode): void;
}

/**
 * Looks at the configuration while the agent runs. Only `mode` is taken up: it is how captures are
 * stopped on all nodes at once. Whatever else has changed waits for the next start, and is named.
 */
export interface ConfigWatch {
  start(): void;
  mode(): AgentMode;
  /** What is on disk and not in force, for people. */
  warnings(): readonly string[];
  stop(): void;
}

const LOOK_EVERY_MS = 1_000;

export function createConfigWatch(options: ConfigWatchOptions): ConfigWatch {
  const { config, source, clock, log, onMode } = options;
  let { mode } = config;
  let seen: string | undefined;
  let warnings: readonly string[] = [];
  let underWay = false;
  let stopped = false;
  let cancel: Cancel = () => undefined;

  const warn = (found: readonly string[]) => {
    for (const warning of found) {
      if (!warnings.includes(warning)) log.warn('configuration', { warning });
    }
    warnings = found;
  };

  const look = async ({ path, load }: ConfigSource) => {
    const found = await signatureOf(path);
    if (found === seen) return;
    const loaded = await load().catch((error: unknown) => messageOf(error));
    if (stopped) return;
    seen = found;
    if (typeof loaded === 'string') {
      warn([`the configuration on disk cannot be used, that of the start stays: ${loaded}`]);
      return;
    }
    const waiting = differences(config, loaded).filter((key) => key !== 'mode');
    const next = 'changed in the configuration; taken up at the next start of the agent';
    warn(waiting.length === 0 ? [] : [`${waiting.join(', ')}: ${next}`]);
    if (loaded.mode === mode) return;
    mode = loaded.mode;
    log.warn('mode', { mode });
    onMode(mode);
  };

  return {
    start() {
      if (!source) return;
      cancel = clock.every(LOOK_EVERY_MS, () => {
        if (underWay) return;
        underWay = true;
        look(source)
          .catch((error: unknown) => log.error('configuration-not-looked-at', { error }))
          .finally(() => {
            underWay = false;
          });
      });
    },
    mode: () => mode,
    warnings: () => warnings,
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** The keys whose values differ: `kubelet.tls.pin`. */
function differences(before: unknown, now: unknown, path = ''): string[] {
  if (!isObject(before) || !isObject(now)) {
    return JSON.stringify(before) === JSON.stringify(now) ? [] : [path];
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...keys].flatMap((key) =>
    differences(before[key], now[key], path === '' ? key : `${path}.${key}`),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
