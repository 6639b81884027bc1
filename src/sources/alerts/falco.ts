import { hintsByMap } from './field-map.ts';
import { type AlertParser, badShape, isObject, notJson, parseJson, toSignal } from './parse.ts';

/** The JSON object that Falco writes and falcosidekick passes on (types/types.go FalcoPayload). */
interface FalcoAlert {
  uuid?: unknown;
  rule: string;
  priority: string;
  time?: unknown;
  source?: unknown;
  hostname?: unknown;
  output?: unknown;
  output_fields: Record<string, unknown>;
}

/** Metadata of the pod often comes too late to be in the alert; the id of the container does not. */
export const falcoFields = {
  containerId: ['output_fields.container.full_id', 'output_fields.container.id'],
  podUid: 'output_fields.k8s.pod.uid',
  namespace: 'output_fields.k8s.ns.name',
  pod: 'output_fields.k8s.pod.name',
  container: 'output_fields.container.name',
  node: ['output_fields.k8s.node.name', 'hostname'],
} as const;

/**
 * One alert in Falco's JSON: as falcosidekick publishes and posts it, or as Falco's own
 * `http_output` does (then without `uuid`). Asked for are a rule, a priority and, where there are
 * any, output fields in an object.
 */
export const parseFalcoAlert: AlertParser = ({ data }, arrival) => {
  const parsed = parseJson(data);
  if (parsed === undefined) return notJson;
  const alert = asFalcoAlert(parsed.value);
  if (typeof alert === 'string') return badShape(`no Falco alert: ${alert}`);
  const { uuid, rule, priority, time, source, hostname, output, output_fields, ...rest } = alert;
  const known = { uuid, rule, priority, time, source, hostname, output };
  const { container, ...hints } = hintsByMap(alert, falcoFields);
  const reading = {
    payload: { ...known, output_fields, ...rest },
    // A process outside containers is of the container "host".
    hints: container === undefined || container === 'host' ? hints : { ...hints, container },
    title: rule,
    severity: priority,
    time,
    id: uuid,
  };
  return {
    kind: 'alerts',
    signals: [toSignal('falco', reading, { ...arrival, hashed: () => data })],
  };
};

/** The alert, or what is wrong with it. */
function asFalcoAlert(value: unknown): FalcoAlert | string {
  if (!isObject(value)) return 'it is not a JSON object';
  const { rule, priority, output_fields: given } = value;
  if (typeof rule !== 'string' || rule === '') return 'rule (text) is missing';
  if (typeof priority !== 'string' || priority === '') return 'priority (text) is missing';
  const fields = given ?? {};
  if (!isObject(fields)) return 'output_fields is not an object';
  return { ...value, rule, priority, output_fields: fields };
}
