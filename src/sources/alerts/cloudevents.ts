import type { AlertTargetHints } from '../../signal/index.ts';
import { falcoFields } from './falco.ts';
import { type FieldMap, type FieldPath, firstAt, hintsByMap, scalarOf } from './field-map.ts';
import {
  type AlertBody,
  type AlertParser,
  badShape,
  isObject,
  leftOutOf,
  notJson,
  type ParsedAlerts,
  parseJson,
  toSignal,
  withoutUndefined,
} from './parse.ts';
import { nameOf } from './values.ts';

/** More events of one batch are left out. */
const EVENTS_MAX = 256;
const ATTRIBUTES_MAX = 64;

/** What is looked for without a map: an attribute, the same in the data, or Falco's alert there. */
const STANDARD: Required<FieldMap> = {
  containerId: ['containerid', 'data.containerId', ...inData(falcoFields.containerId)],
  podUid: ['poduid', 'data.podUid', ...inData(falcoFields.podUid)],
  namespace: ['namespace', 'data.namespace', ...inData(falcoFields.namespace)],
  pod: ['pod', 'data.pod', ...inData(falcoFields.pod)],
  container: ['container', 'data.container', ...inData(falcoFields.container)],
  node: ['node', 'data.node', ...inData(falcoFields.node)],
  id: [],
  severity: ['severitytext', 'severity', 'priority', 'data.severity', 'data.priority'],
  title: ['rule', 'data.rule', 'type'],
  time: 'time',
};

function inData(paths: FieldPath): string[] {
  return [paths].flat().map((path) => `data.${path}`);
}

/**
 * CloudEvents 1.0: over HTTP in binary mode (attributes in `ce-` headers), structured mode and
 * batches, over NATS in structured mode, as the bindings say. Attributes become fields by their
 * names, the data `data.…`. Paths of the map go before the standard ones, each for itself.
 */
export function createCloudEventsParser(own: FieldMap = {}): AlertParser {
  const map = withOwn(own);
  return (body, arrival) => {
    const parsed = eventsOf(body);
    if (!Array.isArray(parsed)) return parsed;
    const events = parsed.slice(0, EVENTS_MAX);
    const good = events.filter(isEvent);
    if (good.length === 0 && events.length > 0) {
      return badShape('no CloudEvent: specversion 1.0, id, source and type are needed');
    }
    const signals = good.map((event) => {
      const { specversion, id, source, type, subject, time, ...rest } = event;
      const reading = {
        payload: { id, source, type, subject, time, specversion, ...rest },
        hints: hintsOf(event, map),
        title: firstAt(event, map.title, scalarOf),
        severity: firstAt(event, map.severity, scalarOf),
        time: firstAt(event, map.time, scalarOf),
        id: firstAt(event, map.id, scalarOf),
      };
      // An id is one only together with its source.
      const hashed = () => `${source}\n${id}`;
      return toSignal('cloudevents', reading, { ...arrival, hashed });
    });
    const leftOut = leftOutOf({
      bad: events.length - good.length,
      over: parsed.length - events.length,
      max: EVENTS_MAX,
    });
    return { kind: 'alerts', signals, leftOut };
  };
}

function withOwn(own: FieldMap): Required<FieldMap> {
  const paths = Object.entries(STANDARD).map(([key, standard]) => {
    const first = own[key as keyof FieldMap];
    return [key, [...(first === undefined ? [] : [first].flat()), ...[standard].flat()]];
  });
  return Object.fromEntries(paths);
}

/** The events of a body, not yet looked at. */
function eventsOf(body: AlertBody): unknown[] | ParsedAlerts {
  const { headers = {} } = body;
  const contentType = headers['content-type']?.toLowerCase() ?? '';
  const isStructured = contentType.startsWith('application/cloudevents');
  if (!isStructured && headers['ce-specversion'] !== undefined) {
    return binaryEvent(body, contentType);
  }
  const parsed = parseJson(body.data);
  if (parsed === undefined) return notJson;
  if (!contentType.startsWith('application/cloudevents-batch')) return [parsed.value];
  return Array.isArray(parsed.value) ? parsed.value : badShape('no batch of CloudEvents: no list');
}

/** The attributes from the headers, the data from the body: JSON, text, or left out. */
function binaryEvent({ data, headers = {} }: AlertBody, contentType: string) {
  const attributes = Object.entries(headers)
    .filter(([name]) => /^ce-[a-z0-9]{1,64}$/.test(name))
    .slice(0, ATTRIBUTES_MAX)
    .map(([name, value = '']) => [name.slice('ce-'.length), percentDecoded(value)]);
  const event: Record<string, unknown> = Object.fromEntries(attributes);
  if (data.byteLength === 0) return [event];
  const mediaType = contentType.split(';', 1)[0]?.trim() ?? '';
  if (mediaType === '' || /[/+]json$/.test(mediaType)) {
    const parsed = parseJson(data);
    return parsed === undefined ? notJson : [{ ...event, data: parsed.value }];
  }
  if (!mediaType.startsWith('text/')) return [event];
  return [{ ...event, data: new TextDecoder().decode(data) }];
}

/** As the HTTP binding has it in 3.1.3.2; what is no such encoding stays as it is. */
function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

interface CloudEvent extends Record<string, unknown> {
  id: string;
  source: string;
}

function isEvent(value: unknown): value is CloudEvent {
  if (!isObject(value)) return false;
  const isText = (one: unknown) => typeof one === 'string' && one !== '';
  const { specversion, id, source, type } = value;
  return (specversion === '1.0' || specversion === '0.3') && [id, source, type].every(isText);
}

/** The subject counts last: `…/namespaces/NS/pods/POD`, as Knative's ApiServerSource writes it. */
function hintsOf(event: CloudEvent, map: FieldMap): AlertTargetHints {
  const { container, ...found } = hintsByMap(event, map);
  const hints = container === undefined || container === 'host' ? found : { ...found, container };
  const { subject } = event;
  if (hints.pod !== undefined || typeof subject !== 'string' || subject.length > 1_024)
    return hints;
  const path = /\/namespaces\/([^/]+)\/pods\/([^/]+)(?:\/containers\/([^/]+))?$/.exec(subject);
  if (!path) return hints;
  const [, namespace, pod, inPod] = path.map(nameOf);
  return { ...hints, ...withoutUndefined({ namespace, pod, container: inPod }) };
}
