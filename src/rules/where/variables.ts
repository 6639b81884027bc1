import type { WhenKind } from '../when.ts';

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

/** What the signal of a condition tells; of kinds that are not named here only its kind. */
const signalFields: Partial<Record<WhenKind, Fields>> = {
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
};

/** Kinds whose signal tells more than its kind. */
export const whereKinds = Object.keys(signalFields) as readonly WhenKind[];

/** The fields of `signal` under a condition of that kind. */
export function signalType(kind: WhenKind): Fields {
  return { ...KIND, ...signalFields[kind] };
}
