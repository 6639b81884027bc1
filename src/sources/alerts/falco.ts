import { createHash } from 'node:crypto';
import type { AlertSignal, AlertTargetHints } from '../../signal/index.ts';
import { flatten } from './flatten.ts';

/** What became of a body that should be an alert. `message` never quotes the body. */
export type ParsedAlert =
  | { kind: 'alert'; signal: AlertSignal }
  | { kind: 'refused'; reason: 'not-json' | 'bad-shape'; message: string };

/** An alert older than this, or from the future, has a wrong clock: the time we saw it counts. */
const AGE_MS_MAX = 24 * 3_600_000;
const ID_LENGTH_MAX = 128;

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

/**
 * One alert in Falco's JSON: as falcosidekick publishes and posts it, or as Falco's own
 * `http_output` does (then without `uuid`). Asked for are a rule, a priority and, where there are
 * any, output fields in an object. Pure.
 */
export function parseFalcoAlert(
  body: Uint8Array,
  door: AlertSignal['door'],
  seenMs: number,
): ParsedAlert {
  const parsed = parseJson(new TextDecoder().decode(body));
  if (parsed === undefined) {
    return { kind: 'refused', reason: 'not-json', message: 'the body is not JSON' };
  }
  const alert = asFalcoAlert(parsed.value);
  if (typeof alert === 'string') {
    return { kind: 'refused', reason: 'bad-shape', message: `no Falco alert: ${alert}` };
  }
  const { uuid, rule, priority, time, source, hostname, output, output_fields, ...rest } = alert;
  // What matters most comes first, so that junk in front of it cannot push it out of the bounds.
  const known = { uuid, rule, priority, time, source, hostname, output };
  const signal: AlertSignal = {
    kind: 'alert',
    shape: 'falco',
    door,
    occurredMs: occurredMsOf(time, seenMs),
    seenMs,
    alertId: isId(uuid) ? uuid : createHash('sha256').update(body).digest('hex'),
    fields: flatten({ ...withoutUndefined(known), output_fields, ...rest }),
    hints: hintsOf(output_fields, hostname),
  };
  return { kind: 'alert', signal };
}

/**
 * Whole numbers that a double cannot hold stay as they were written: Falco's `evt.time` counts
 * nanoseconds since 1970. Undefined when the text is no JSON; a body nested too deep for the
 * parser is none either.
 */
function parseJson(text: string): { value: unknown } | undefined {
  const hasLongNumber = /\d{16}/.test(text);
  try {
    return { value: hasLongNumber ? JSON.parse(text, keepLongNumber) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function keepLongNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isLong = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isLong ? (context?.source ?? value) : value;
}

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

/**
 * Falco fills a field that it does not know with null, "" or "<NA>"; `container.id` is "host" for
 * a process outside containers. Metadata of the pod often comes too late to be in the alert.
 */
function hintsOf(fields: Record<string, unknown>, hostname: unknown): AlertTargetHints {
  const text = (name: string) => known(fields[name]);
  const id = text('container.full_id') ?? text('container.id');
  const name = text('container.name');
  return withoutUndefined({
    containerIdPrefix: id !== undefined && /^[0-9a-f]{12,64}$/.test(id) ? id : undefined,
    namespace: text('k8s.ns.name'),
    pod: text('k8s.pod.name'),
    container: name === 'host' ? undefined : name,
    node: text('k8s.node.name') ?? known(hostname),
  });
}

function known(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value === '<NA>') return undefined;
  return value.length <= 253 ? value : undefined;
}

/** RFC 3339 with up to nine digits of a second; anything else, or a clock far off: `seenMs`. */
function occurredMsOf(time: unknown, seenMs: number): number {
  if (typeof time !== 'string' || time.length > 40) return seenMs;
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (!match) return seenMs;
  const ms = Date.parse(`${match[1]}${(match[2] ?? '').slice(0, 4)}${match[3]}`);
  return ms <= seenMs && ms >= seenMs - AGE_MS_MAX ? ms : seenMs;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w:.-]+$/.test(value) && value.length <= ID_LENGTH_MAX;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
