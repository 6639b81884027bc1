import type {
  AlertSignal,
  ContainerFact,
  PodChangedSignal,
  PodFact,
  Signal,
} from '../../signal/index.ts';
import { ownerOf } from '../scope.ts';
import type { AnyTold } from './told.ts';

/** A longer text is cut: what `where` costs must not depend on what others write. */
const TEXT_CHARS_MAX = 4_096;

/** What one evaluation looks at. */
export interface WhereContext {
  signal: Signal;
  pod: PodFact;
  container: ContainerFact;
  nodeName: string;
  /** Of a condition that tells its own fields of `signal`. */
  told?: AnyTold;
}

/** The variables of an expression. CEL's int is a bigint here; its maps are Maps, without heirs. */
export function valuesOf({ signal, pod, container, nodeName, told }: WhereContext) {
  return {
    signal: told ? toldValue(signal, told) : valueOfSignal(signal, container),
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

function toldValue({ kind }: Signal, told: AnyTold): object {
  const fields = Object.entries(told).map(([name, value]: [string, string | number]) => [
    name,
    typeof value === 'number' ? whole(value) : cut(value),
  ]);
  return { kind, ...Object.fromEntries(fields) };
}

function valueOfSignal(signal: Signal, container: ContainerFact): object {
  // The change of a pod says something else of each of its containers.
  if (signal.kind === 'podChanged') return lastEndValue(signal, container);
  return remembered(signals, signal, () => signalValue(signal));
}

function lastEndValue({ kind }: PodChangedSignal, { lastEnd }: ContainerFact): object {
  const { reason = '', exitCode } = lastEnd ?? {};
  return { kind, reason, exitCode: whole(exitCode) };
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

function signalValue(signal: Signal): object {
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
