import {
  alertFields,
  type MemorySignal,
  type NodeMemorySignal,
  type ReasonCode,
  type Signal,
} from '../../signal/index.ts';
import type { Decision } from '../decision.ts';
import type { Trail } from '../trail.ts';

/** A decision as far as an explanation needs it: without the payload of its signal. */
export interface PastDecision {
  atMs: number;
  verdict: Decision['verdict'];
  reason: ReasonCode;
  detail: string;
  trail: Trail;
  /** One line about the signal. */
  signal: string;
}

/** The latest signals of one kind about one pod. */
export interface Seen {
  count: number;
  lastMs: number;
  text: string;
  /** The last of them. */
  signal: Signal;
}

/**
 * Remembers the last of what was seen and decided, to say later why. Beside the state of the
 * rules, because nothing is decided by it; bounded; begins empty at each start.
 */
export interface Witness {
  signal(signal: Signal): void;
  decision(decision: Decision): void;
  lastOf(rule: string, podUid: string, container: string): PastDecision | undefined;
  /** The last decision of the rule for which no container was found. */
  lastWithoutTarget(rule: string): PastDecision | undefined;
  memoryOf(containerId: string): MemorySignal | undefined;
  nodeMemory(): NodeMemorySignal | undefined;
  /** Events of the pod with one of these reasons; else the alerts of anyone. */
  eventsOf(namespace: string, pod: string, reasons: readonly string[]): Seen | undefined;
  alerts(shape: string): Seen | undefined;
  tickOf(rule: string): Seen | undefined;
  /** When the first signal was seen: nothing is known of before. */
  sinceMs(): number | undefined;
}

const DECISIONS_MAX = 2_000;
const CONTAINERS_MAX = 2_000;
const EVENTS_MAX = 4_000;
const OTHERS_MAX = 1_000;
const TEXT_CHARS_MAX = 160;

export function createWitness(): Witness {
  const decisions = new Map<string, PastDecision>();
  const memory = new Map<string, MemorySignal>();
  let nodeMemory: NodeMemorySignal | undefined;
  const events = new Map<string, Seen>();
  const others = new Map<string, Seen>();
  let sinceMs: number | undefined;
  const see = (map: Map<string, Seen>, max: number, key: string, signal: Signal, text = '') => {
    const count = (map.get(key)?.count ?? 0) + 1;
    const lastMs = signal.seenMs;
    keep(map, max, key, { count, lastMs, text: text.slice(0, TEXT_CHARS_MAX), signal });
  };
  return {
    signal(signal) {
      sinceMs ??= signal.seenMs;
      switch (signal.kind) {
        case 'memory':
          keep(memory, CONTAINERS_MAX, signal.target.containerId, signal);
          return;
        case 'nodeMemory':
          nodeMemory = signal;
          return;
        case 'event': {
          const { namespace, pod, reason, message } = signal;
          see(events, EVENTS_MAX, `${namespace}/${pod} ${reason}`, signal, message);
          return;
        }
        case 'alert': {
          const text = String(signal.fields[alertFields.title] ?? signal.alertId);
          see(others, OTHERS_MAX, `alert ${signal.shape}`, signal, text);
          return;
        }
        case 'tick':
          see(others, OTHERS_MAX, `tick ${signal.rule}`, signal);
          return;
        default:
          return;
      }
    },
    decision(decision) {
      const { atMs, verdict, reason, detail, trail, target, rule, signal } = decision;
      const where = target ? `${target.podUid} ${target.container}` : '';
      const past = { atMs, verdict, reason, detail, trail, signal: signal.text };
      keep(decisions, DECISIONS_MAX, `${rule} ${where}`, past);
    },
    lastOf: (rule, podUid, container) => decisions.get(`${rule} ${podUid} ${container}`),
    lastWithoutTarget: (rule) => decisions.get(`${rule} `),
    memoryOf: (containerId) => memory.get(containerId),
    nodeMemory: () => nodeMemory,
    eventsOf(namespace, pod, reasons) {
      const seen = reasons.flatMap((reason) => events.get(`${namespace}/${pod} ${reason}`) ?? []);
      return seen.sort((a, b) => b.lastMs - a.lastMs)[0];
    },
    alerts: (shape) => others.get(`alert ${shape}`),
    tickOf: (rule) => others.get(`tick ${rule}`),
    sinceMs: () => sinceMs,
  };
}

/** What was kept longest ago goes. */
function keep<T>(map: Map<string, T>, max: number, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
