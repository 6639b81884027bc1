import { parseDurationMs, StillpointError } from '../base/index.ts';
import type { KubeletConfig } from './kubelet-client.ts';

/** The kubelet's own default, which it also shows in /configz. */
export const RUNTIME_REQUEST_TIMEOUT_MS_DEFAULT = 120_000;

/**
 * Judges the answer of GET /configz: `{"kubeletconfig": {…}}`. Absent fields are absent or the
 * kubelet's default; an answer without `kubeletconfig` is `bad-input`.
 */
export function readKubeletConfig(answer: unknown, address: string): KubeletConfig {
  const given = (answer as { kubeletconfig?: unknown } | null)?.kubeletconfig;
  if (typeof given !== 'object' || given === null) {
    const message = `GET ${address}/configz: the answer has no "kubeletconfig"`;
    throw new StillpointError({ code: 'bad-input', message });
  }
  const config = given as Record<string, unknown>;
  const timeoutMs = parseDurationMs(text(config.runtimeRequestTimeout) ?? '');
  return {
    // "0s" means the default to the kubelet, too.
    runtimeRequestTimeoutMs: timeoutMs || RUNTIME_REQUEST_TIMEOUT_MS_DEFAULT,
    containerRuntimeEndpoint: text(config.containerRuntimeEndpoint),
    cgroupDriver: text(config.cgroupDriver),
    cgroupRoot: text(config.cgroupRoot),
    checkpointGate: flag((config.featureGates as Gates)?.ContainerCheckpoint),
    debuggingHandlers: flag(config.enableDebuggingHandlers),
    evictionHard: texts(config.evictionHard),
  };
}

/** The kubelet writes nothing for longer than this: its server's write timeout. */
const TIMEOUT_SECONDS_MAX = 4 * 60 * 60;

/**
 * The `timeout` to ask for, whole seconds, and at the same time the one that will really apply:
 * the kubelet can only raise the deadline above its runtimeRequestTimeout, never lower it
 * (cri-client remote_runtime.go), and its server cuts every reply after 4 h.
 */
export function effectiveTimeoutSeconds(wantedMs: number, runtimeRequestTimeoutMs: number): number {
  const seconds = Math.ceil(Math.max(wantedMs, runtimeRequestTimeoutMs) / 1_000);
  return Math.min(Math.max(1, seconds), TIMEOUT_SECONDS_MAX);
}

type Gates = Record<string, unknown> | null | undefined;

function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(value: unknown): Record<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter(([, one]) => typeof one === 'string'));
}
