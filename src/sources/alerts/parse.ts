import { createHash } from 'node:crypto';
import { type AlertSignal, type AlertTargetHints, alertFields } from '../../signal/index.ts';
import { flatten } from './flatten.ts';
import { occurredMsOf } from './values.ts';

/** One body as it came through a door. Header names in lower case; NATS has none. */
export interface AlertBody {
  data: Uint8Array;
  headers?: Readonly<Record<string, string | undefined>>;
}

/** What the door knows besides the body. */
export interface AlertArrival {
  door: AlertSignal['door'];
  seenMs: number;
}

/** What became of a body. No `message` ever quotes it. */
export type ParsedAlerts =
  | {
      kind: 'alerts';
      signals: readonly AlertSignal[];
      /** Alerts in the same body that were not taken, with their number. */
      leftOut?: readonly { reason: 'bad-shape' | 'too-many'; message: string; count: number }[];
    }
  | { kind: 'refused'; reason: 'not-json' | 'bad-shape'; message: string };

/** Reads bodies of one shape. Pure, and never throws. */
export type AlertParser = (body: AlertBody, arrival: AlertArrival) => ParsedAlerts;

/** What a shape has found in one payload. */
export interface Reading {
  /** The payload, what matters most first: junk in front cannot push that out of the bounds. */
  payload: Record<string, unknown>;
  hints: AlertTargetHints;
  title?: unknown;
  severity?: unknown;
  time?: unknown;
  /** The sender's own id of it. */
  id?: unknown;
}

const TEXT_CHARS_MAX = 256;
const ID_CHARS_MAX = 128;

/** The signal of one alert; where the sender gave no id, the hash of `hashed`, else of what is kept, stands for it. */
export function toSignal(
  shape: AlertSignal['shape'],
  { payload, hints, title, severity, time, id }: Reading,
  { door, seenMs, hashed }: AlertArrival & { hashed?(): string | Uint8Array },
): AlertSignal {
  const told = {
    [alertFields.severity]: shortText(severity),
    [alertFields.title]: shortText(title),
  };
  const fields = flatten(told, payload);
  const hash = () => createHash('sha256').update(hashed?.() ?? JSON.stringify(fields));
  return {
    kind: 'alert',
    shape,
    door,
    occurredMs: occurredMsOf(time, seenMs),
    seenMs,
    alertId: isId(id) ? id : hash().digest('hex'),
    fields,
    hints,
  };
}

function shortText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value.slice(0, TEXT_CHARS_MAX) : undefined;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w:.-]+$/.test(value) && value.length <= ID_CHARS_MAX;
}

/** Larger than any alert that a person wrote a rule for; looking at each value would take long. */
const LONG_NUMBERS_BYTES_MAX = 65_536;

/**
 * JSON of a body. Whole numbers that a double cannot hold stay as they were written, unless the body
 * is large: Falco's `evt.time` counts nanoseconds since 1970. Bytes that are no UTF-8 become U+FFFD: a process may
 * have any name, and an alert about it must not be lost. Undefined when the text is no JSON; a body
 * nested too deep for the parser is none either.
 */
export function parseJson(data: Uint8Array): { value: unknown } | undefined {
  const text = new TextDecoder().decode(data);
  const hasLongNumber = data.byteLength <= LONG_NUMBERS_BYTES_MAX && /\d{16}/.test(text);
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

/** What was not taken of a body with several alerts. */
export function leftOutOf({ bad, over, max }: { bad: number; over: number; max: number }) {
  const all = [
    { reason: 'bad-shape', message: 'some alerts of a body lack what is needed', count: bad },
    { reason: 'too-many', message: `one body holds more than ${max} alerts`, count: over },
  ] as const;
  return all.filter(({ count }) => count > 0);
}

export const notJson: ParsedAlerts = {
  kind: 'refused',
  reason: 'not-json',
  message: 'the body is not JSON',
};

export function badShape(message: string): ParsedAlerts {
  return { kind: 'refused', reason: 'bad-shape', message };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
