import type { WhenKind } from '../when.ts';
import type { Told } from './told.ts';

/** Fields with their CEL types, by type name; `Signal` is told apart by the kind of condition. */
type Fields = Readonly<Record<string, string>>;

/** What `where` can look at, but for the signal. */
export const whereTypes: Readonly<Record<'Pod' | 'Owner' | 'Container' | 'Node', Fields>> = {
  Pod: {
    namespace: 'string',
    name: 'string',
    labels: 'map<string, string>',
    annotations: 'map<string, string>',
    owner: 'Owner',
    phase: 'string',
    hostNetwork: 'bool',
  },
  Owner: { kind: 'string', name: 'string' },
  Container: {
    name: 'string',
    type: 'string',
    image: 'string',
    restartCount: 'int',
    memoryLimitBytes: 'int',
  },
  Node: { name: 'string' },
};

/** The variables and their types. */
export const whereVariables = {
  signal: 'Signal',
  pod: 'Pod',
  container: 'Container',
  node: 'Node',
} as const;

const KIND: Fields = { kind: 'string' };

/** What the signal of a condition tells, or what the condition itself knows of it (`Told`). */
const signalFields: Readonly<Record<WhenKind, Fields>> = {
  memory: { usedRatio: 'double', growthBytesPerSecond: 'double' },
  event: {
    reason: 'string',
    type: 'string',
    message: 'string',
    container: 'string',
    count: 'int',
  },
  crashLoop: { reason: 'string', exitCode: 'int' },
  alert: { shape: 'string', door: 'string', fields: 'map<string, dyn>' },
  ...toldTypes({
    nodeMemory: {
      availableBytes: 'int',
      capacityBytes: 'int',
      podUsedBytes: 'int',
      podRequestBytes: 'int',
      podPriority: 'int',
    },
    probe: { type: 'string', handler: 'string', failures: 'int', failureThreshold: 'int' },
    terminating: {
      cause: 'string',
      reason: 'string',
      graceSeconds: 'int',
      graceLeftSeconds: 'int',
    },
    schedule: { scheduled: 'string', lateSeconds: 'int' },
    request: { from: 'string', by: 'string', token: 'string' },
    sequence: { first: 'string', last: 'string', tookSeconds: 'int' },
  }),
};

/** Each field that a condition tells has the CEL type of its value. */
function toldTypes(
  types: {
    [K in keyof Told]: { [F in keyof Told[K]]: Told[K][F] extends number ? 'int' : 'string' };
  },
): Readonly<Record<keyof Told, Fields>> {
  return types;
}

/** Every kind of condition, in the order in which their fields are told. */
export const whereKinds = Object.keys(signalFields) as readonly WhenKind[];

/** The fields of `signal` under a condition of that kind. */
export function signalType(kind: WhenKind): Fields {
  return { ...KIND, ...signalFields[kind] };
}
