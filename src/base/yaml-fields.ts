import * as z from 'zod';
import { systemClock } from './clock.ts';
import { cronMistake, isTimeZone } from './cron.ts';
import { formatBytes, formatDuration, parseBytes, parseDurationMs, parsePercent } from './units.ts';
import { shaped } from './yaml-field-shape.ts';

/**
 * The fields that every kind of document shares. Text in YAML, numbers inside; each says what it
 * allows. Defaults are given as the inner number: `durationMs().default(600_000)`.
 */

/** Bounds of a field, both included. */
interface Bounds {
  min?: number;
  max?: number;
}

/** "1h30m" → ms. */
export function durationMs(bounds: Bounds = {}) {
  const allowed = `a duration such as 250ms, 30s or 1h30m${range(bounds, formatDuration)}`;
  const pattern = '^([0-9]+([.][0-9]+)?(ms|s|m|h|d))+$';
  const noun = 'a duration such as 30s';
  const check = { allowed, noun, bounds, parse: parseDurationMs };
  return shaped(measured(check), {
    title: `duration${range(bounds, formatDuration)}`,
    allowed,
    pattern,
    show: (ms) => (ms === 0 ? '0s' : formatDuration(ms)),
    examples: exampleWithin(bounds, [30_000, 600_000, 1_000], formatDuration),
  });
}

/** "50Gi" → bytes. */
export function byteCount(bounds: Bounds = {}) {
  const allowed = `a size such as 512Mi or 50Gi${range(bounds, formatBytes)}`;
  const pattern = '^[0-9]+([.][0-9]+)?(k|K|M|G|T|Ki|Mi|Gi|Ti)?$';
  const check = { allowed, noun: 'a size such as 512Mi', bounds, parse: parseBytes };
  return shaped(measured(check), {
    title: `size${range(bounds, formatBytes)}`,
    allowed,
    pattern,
    show: writeBytes,
    examples: exampleWithin(bounds, [20 * 2 ** 30, 64 * 2 ** 20], writeBytes),
  });
}

/** "85%" → 0.85. `bounds` are ratios. */
export function percentRatio(bounds: Bounds = {}) {
  const show = (ratio: number) => `${ratio * 100}%`;
  const allowed = `a percentage such as 85%${range(bounds, show)}`;
  const check = { allowed, noun: 'a percentage such as 85%', bounds, parse: parsePercent };
  return shaped(measured(check), {
    title: `percentage${range(bounds, show)}`,
    allowed,
    pattern: '^[0-9]+([.][0-9]+)?%$',
    show,
    examples: exampleWithin(bounds, [0.8], show),
  });
}

/** A DNS label (RFC 1123): what Kubernetes allows as the name of most things. */
export function dnsLabel() {
  const allowed = 'at most 63 lower case letters, digits and -, not at the ends';
  const checked = z.string().superRefine((text, context) => {
    if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text) && text.length <= 63) return;
    context.addIssue({
      code: 'custom',
      message: 'is not a name that Kubernetes allows',
      params: { allowed },
    });
  });
  const pattern = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
  return shaped(checked, { title: 'name', allowed, pattern, examples: ['checkout'] });
}

/** A glob on names that Kubernetes gives; anything else in it could never match. */
export function nameGlob() {
  const allowed = 'lower case letters, digits, -, . and the wildcards * and ?';
  const checked = z
    .string()
    .min(1)
    .max(253)
    .superRefine((text, context) => {
      if (/^[a-z0-9.*?-]+$/.test(text)) return;
      context.addIssue({ code: 'custom', message: 'can never match a name', params: { allowed } });
    });
  const pattern = '^[a-z0-9.*?-]+$';
  return shaped(checked, { title: 'glob', allowed, pattern, examples: ['checkout-*'] });
}

/** metadata of a document. Labels and annotations are for the tools of those who write them. */
export function metadataFields() {
  return z.strictObject({
    name: dnsLabel().describe('Name of this object; no two of one kind and namespace share it'),
    namespace: dnsLabel().optional().describe('Confines the object to this namespace'),
    labels: z.record(z.string(), z.string()).optional().describe('For your own tools'),
    annotations: z.record(z.string(), z.string()).optional().describe('For your own tools'),
  });
}

/** A cron line of 5 fields, or 6 with seconds first, or `@daily` and its like. */
export function cronLine() {
  const allowed = 'minute hour day-of-month month day-of-week, as in "0 2 * * *"';
  const checked = z.string().superRefine((text, context) => {
    // The library looks 8 years ahead of the real time, so the search has to begin there too.
    const wrong = cronMistake(text, 'UTC', systemClock.wallMs());
    if (wrong !== undefined) {
      context.addIssue({ code: 'custom', message: wrong, params: { allowed } });
    }
  });
  const pattern = '^\\s*(@[a-zA-Z]+|\\S+(\\s+\\S+){4,5})\\s*$';
  return shaped(checked, { title: 'cron line', allowed, pattern, examples: ['0 2 * * *'] });
}

/** A time zone by its IANA name. */
export function timeZoneName() {
  const allowed = 'an IANA name such as UTC or Europe/Berlin';
  const checked = z.string().superRefine((text, context) => {
    if (isTimeZone(text)) return;
    const params = { allowed };
    context.addIssue({ code: 'custom', message: 'is not a known time zone', params });
  });
  return shaped(checked, { title: 'time zone', allowed, examples: ['UTC', 'Europe/Berlin'] });
}

/** The first of the usual values that the field takes, as it would be written. */
function exampleWithin(
  bounds: Bounds,
  usual: readonly number[],
  show: (value: number) => string,
): string[] {
  const value = usual.find((one) => isWithin(one, bounds)) ?? bounds.min;
  return value === undefined ? [] : [show(value)];
}

/** 20_971_520 → "20Mi"; what has no round unit is written in bytes. */
function writeBytes(bytes: number): string {
  const units = ['Ti', 'Gi', 'Mi', 'Ki'].map((unit) => ({ unit, size: parseBytes(`1${unit}`) }));
  const round = units.find(({ size }) => size !== undefined && bytes > 0 && bytes % size === 0);
  return round?.size === undefined ? String(bytes) : `${bytes / round.size}${round.unit}`;
}

interface Measure {
  /** What may be written, in full. */
  allowed: string;
  noun: string;
  bounds: Bounds;
  parse(text: string): number | undefined;
}

function measured({ allowed, noun, bounds, parse }: Measure) {
  const error = (issue: { input?: unknown }) =>
    issue.input === undefined ? `is missing; it must be ${noun}` : `must be ${noun}`;
  return z.string({ error }).transform((text, context) => {
    const value = parse(text);
    if (value !== undefined && isWithin(value, bounds)) return value;
    context.issues.push({
      code: 'custom',
      message: value === undefined ? `must be ${noun}` : 'is out of range',
      params: { allowed },
      input: text,
    });
    return z.NEVER;
  });
}

function isWithin(value: number, { min, max }: Bounds): boolean {
  if (!Number.isSafeInteger(Math.ceil(value))) return false;
  return (min === undefined || value >= min) && (max === undefined || value <= max);
}

function range({ min, max }: Bounds, show: (value: number) => string): string {
  if (min !== undefined && max !== undefined) return `, from ${show(min)} to ${show(max)}`;
  if (min !== undefined) return `, at least ${show(min)}`;
  if (max !== undefined) return `, at most ${show(max)}`;
  return '';
}
