import { formatMistake, parseYaml } from '../../../src/base/index.ts';
import {
  createDenyList,
  createRulesCore,
  createRulesState,
  type Decision,
  type RulesCore,
  type RulesOptions,
  type RulesState,
  rulesFromDocuments,
  step,
} from '../../../src/rules/index.ts';
import type {
  AlertSignal,
  ContainerFact,
  EventSignal,
  MemorySignal,
  PodFact,
  Signal,
} from '../../../src/signal/index.ts';

/** 2026-01-01T00:00:00Z; tests count from here. */
export const START_MS = Date.UTC(2026, 0, 1);

/** A 64-digit container id that begins with the given hex digits. */
export function id(hex: string): string {
  return hex.padEnd(64, '0');
}

/** Rules from the `spec` of each, written as YAML; the name is the key. */
export function rulesOf(specs: Record<string, string>) {
  const text = Object.entries(specs)
    .map(([name, spec]) => {
      const [namespace, bare] = name.includes('/') ? name.split('/') : [undefined, name];
      const metadata = JSON.stringify({ name: bare, namespace });
      const indented = spec.trim().replaceAll('\n', '\n  ');
      return `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: ${metadata}\nspec:\n  ${indented}\n`;
    })
    .join('---\n');
  const loaded = rulesFromDocuments(parseYaml(text, 'test.yaml'), { nowMs: START_MS });
  if (!loaded.ok) throw new Error(loaded.mistakes.map(formatMistake).join('\n'));
  return loaded.rules;
}

/** A core with its state, driven by hand. */
export interface Bench {
  core: RulesCore;
  state: RulesState;
  /** Steps with the signal at START_MS + `ms`. */
  at(ms: number, signal: Signal): Decision[];
  wakeAtMs(): number | undefined;
}

export function benchOf(specs: Record<string, string>, options: Partial<RulesOptions> = {}): Bench {
  const core = createRulesCore(rulesOf(specs), {
    nodeName: 'node-1',
    denyList: createDenyList({ podUid: 'own-pod' }),
    ...options,
  });
  const bench: Bench & { wake?: number } = {
    core,
    state: createRulesState(),
    at(ms, signal) {
      const result = step(bench.core, bench.state, signal, START_MS + ms);
      bench.state = result.state;
      bench.wake = result.wakeAtMs;
      return result.decisions;
    },
    wakeAtMs: () => (bench.wake === undefined ? undefined : bench.wake - START_MS),
  };
  return bench;
}

/** `fired oom shop/cart/app`: what a decision comes down to. */
export function brief(decision: Decision): string {
  const { reason, rule, target } = decision;
  const where = target ? ` ${target.namespace}/${target.pod}/${target.container}` : '';
  return `${reason} ${rule}${where}`;
}

export function running(name = 'app', more: Partial<ContainerFact> = {}): ContainerFact {
  return {
    name,
    type: 'app',
    image: 'registry.example/app:1',
    imageId: 'sha256:1',
    containerId: id('aaaaaaaaaaaa'),
    state: { kind: 'running', startedAtMs: START_MS },
    restartCount: 0,
    probes: [],
    ...more,
  };
}

export function waiting(name = 'app', more: Partial<ContainerFact> = {}): ContainerFact {
  const state = { kind: 'waiting', reason: 'CrashLoopBackOff', message: '' } as const;
  return running(name, { state, ...more });
}

export function pod(more: Partial<PodFact> = {}): PodFact {
  return {
    namespace: 'shop',
    name: 'cart',
    uid: 'uid-cart',
    isStatic: false,
    nodeName: 'node-1',
    labels: { app: 'cart' },
    annotations: {},
    phase: 'Running',
    terminationGraceMs: 30_000,
    hostNetwork: false,
    containers: [running()],
    ...more,
  };
}

const times = { occurredMs: START_MS, seenMs: START_MS };

export function podChanged(fact: PodFact, initial = false): Signal {
  return { kind: 'podChanged', pod: fact, initial, ...times };
}

export function podGone(uid = 'uid-cart'): Signal {
  return { kind: 'podGone', namespace: 'shop', name: 'cart', uid, ...times };
}

export function event(more: Partial<EventSignal> = {}): EventSignal {
  return {
    kind: 'event',
    namespace: 'shop',
    pod: 'cart',
    podUid: 'uid-cart',
    container: 'app',
    reason: 'Unhealthy',
    type: 'Warning',
    message: 'Liveness probe failed: HTTP probe failed with statuscode: 500',
    countDelta: 1,
    eventName: 'cart.17',
    ...times,
    // Far ahead: the core takes the time of the step where an Event claims to come later.
    occurredMs: Number.MAX_SAFE_INTEGER,
    ...more,
  };
}

export function memory(usedRatio: number, more: Partial<MemorySignal> = {}): MemorySignal {
  const limitBytes = 268_435_456;
  return {
    kind: 'memory',
    target: {
      namespace: 'shop',
      pod: 'cart',
      podUid: 'uid-cart',
      container: 'app',
      containerId: id('aaaaaaaaaaaa'),
    },
    levels: [{ level: 'container', usedBytes: limitBytes * usedRatio, limitBytes }],
    usedRatio,
    growthBytesPerSecond: 0,
    ...times,
    ...more,
  };
}

export function alert(more: Partial<AlertSignal> = {}): AlertSignal {
  return {
    kind: 'alert',
    shape: 'falco',
    door: 'nats',
    alertId: 'alert-1',
    fields: { rule: 'Terminal shell in container', priority: 'Critical' },
    hints: { containerIdPrefix: 'aaaaaaaaaaaa' },
    ...times,
    ...more,
  };
}

export function tick(rule: string): Signal {
  return { kind: 'tick', rule, scheduledMs: START_MS, ...times };
}

export function request(
  more: { pod?: string; container?: string; namespace?: string } = {},
): Signal {
  return {
    kind: 'request',
    requestId: 'r1',
    namespace: 'shop',
    pod: 'cart',
    via: 'cri',
    by: 'cli uid 0',
    ...more,
    ...times,
  };
}

export const wake: Signal = { kind: 'wake', ...times };
