import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertShape, AlertSignal } from '../../../src/signal/index.ts';
import {
  type AlertMaps,
  createAlertParsers,
  type ParsedAlerts,
} from '../../../src/sources/alerts/index.ts';

export const SEEN_MS = Date.UTC(2026, 0, 1, 10, 0, 1);

/** A body as a real sender makes it. */
export function payload(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'payloads', name), 'utf8'));
}

export interface Given {
  shape: AlertShape;
  maps?: AlertMaps;
  headers?: Record<string, string | undefined>;
}

/** What the parser of the shape makes of a body: text, bytes, or an object for JSON. */
export function parseAs({ shape, maps, headers }: Given, body: unknown): ParsedAlerts {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const data = body instanceof Uint8Array ? body : new TextEncoder().encode(text);
  const parse = createAlertParsers(maps).get(shape);
  if (!parse) throw new Error(`no parser for ${shape}`);
  return parse({ data, headers }, { door: 'webhook', seenMs: SEEN_MS });
}

/** The signals of a body that must be taken. */
export function signalsAs(given: Given, body: unknown): readonly AlertSignal[] {
  const parsed = parseAs(given, body);
  if (parsed.kind !== 'alerts') throw new Error(parsed.message);
  return parsed.signals;
}
