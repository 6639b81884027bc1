import type { AlertSignal, ContainerFact, PodFact, Signal } from '../../signal/index.ts';
import { ownerOf } from '../scope.ts';

/** A longer text is cut: what `where` costs must not depend on what others write. */
const TEXT_CHARS_MAX = 4_096;

/** What one evaluation looks at. */
export interface WhereContext {
  signal: Signal;
  pod: PodFact;
  container: ContainerFact;
  nodeName: string;
}

/** The variables of an expression. CEL's int is a bigint here; its maps are Maps, without heirs. */
export function valuesOf({ signal, pod, container, nodeName }: WhereContext) {
  return {
    signal: remembered(signals, signal, () => signalValue(signal, container)),
    pod: remembered(pods, pod, () => podValue(pod)),
    container: remembered(containers, container, () => containerValue(container)),
    node: { name: nodeName },
  };
}

/** One signal and one look of a pod are asked about by many rules. */
const signals = new WeakMap<Signal, object>();
const pods = new WeakMap<PodFact, object>();
const containers = new WeakMap<ContainerFact, object>();

function remembered<K extends object>(known: WeakMap<K, object>, key: K, make: () => object) {
  let value = known.get(key);
  if (!value) {
    value = make();
    known.set(key, value);
  }
  return value;
}

function podValue(pod: PodFact): object {
  const { namespace, name, phase, hostNetwork } = pod;
  const labels = texts(pod.labels);
  const annotations = texts(pod.annotations);
  const owner = ownerOf(pod) ?? { kind: 'Pod', name };
  return { namespace, name, labels, annotations, owner, phase, hostNetwork };
}

function containerValue({ name, type, image, restartCount, memoryLimitBytes }: ContainerFact) {
  return {
    name,
    type,
    image: cut(image),
    restartCount: whole(restartCount),
    memoryLimitBytes: whole(memoryLimitBytes),
  };
}

function signalValue(signal: Signal, container: ContainerFact): object {
  switch (signal.kind) {
    case 'memory': {
      const { kind, usedRatio, growthBytesPerSecond } = signal;
      return { kind, usedRatio, growthBytesPerSecond };
    }
    case 'event':
      return {
        kind: signal.kind,
        reason: cut(signal.reason),
        type: cut(signal.type),
        message: cut(signal.message),
        container: signal.container ?? '',
        count: whole(signal.countDelta),
      };
    case 'alert':
      return alertValue(signal);
    case 'podChanged': {
      const { reason = '', exitCode } = container.lastEnd ?? {};
      return { kind: signal.kind, reason, exitCode: whole(exitCode) };
    }
    default:
      return { kind: signal.kind };
  }
}

function alertValue({ kind, shape, door, fields }: AlertSignal): object {
  const told = new Map<string, unknown>();
  for (const [name, value] of Object.entries(fields)) {
    told.set(name, typeof value === 'string' ? cut(value) : value);
  }
  return { kind, shape, door, fields: told };
}

function texts(given: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(given).map(([key, value]) => [key, cut(value)]));
}

function cut(text: string): string {
  return text.length > TEXT_CHARS_MAX ? text.slice(0, TEXT_CHARS_MAX) : text;
}

/** 0 where nothing is known: an expression cannot ask for the absence of a number. */
function whole(value: number | undefined): bigint {
  return value !== undefined && Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
}
