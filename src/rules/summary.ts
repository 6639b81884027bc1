import { formatBytes, formatPercent, unreachable } from '../base/index.ts';
import {
  type AlertSignal,
  alertFields,
  describeTarget,
  type MemorySignal,
  type Signal,
} from '../signal/index.ts';
import type { SignalSummary } from './decision.ts';
import type { Redactor } from './redact.ts';

const TEXT_CHARS_MAX = 300;
const MESSAGE_CHARS_MAX = 4_096;
/** An alert's payload is kept up to this size; a record must stay readable. */
const FIELDS_CHARS_MAX = 48 * 1_024;

/**
 * What is kept of a signal: one line for people, the facts for machines, at most 64 KiB. Secrets in
 * what came from outside are taken out here, before journal, record, log, Event and NATS.
 */
export function summarize(signal: Signal, redactor: Redactor): SignalSummary {
  const { kind, occurredMs, seenMs } = signal;
  const { text, data } = describe(signal, redactor);
  return { kind, occurredMs, seenMs, text: cut(text, TEXT_CHARS_MAX), data };
}

interface Description {
  text: string;
  data: Record<string, unknown>;
}

function describe(signal: Signal, redactor: Redactor): Description {
  switch (signal.kind) {
    case 'event': {
      const { namespace, pod, container, reason, type, countDelta, eventName } = signal;
      const message = redactor.text(cut(signal.message, MESSAGE_CHARS_MAX));
      const data = { namespace, pod, container, reason, type, message, countDelta, eventName };
      return { text: `${reason}: ${message}`, data };
    }
    case 'memory':
      return describeMemory(signal);
    case 'nodeMemory': {
      const { availableBytes, capacityBytes } = signal;
      const text = `node memory ${formatBytes(availableBytes)} of ${formatBytes(capacityBytes)} left`;
      return { text, data: { availableBytes, capacityBytes } };
    }
    case 'probe': {
      const { target, type, failures, successes } = signal;
      const container = describeTarget(target);
      const times = `${failures} ${failures === 1 ? 'time' : 'times'}`;
      const text = `${type} probe of ${target.container} failed ${times}`;
      return { text, data: { container, type, failures, successes } };
    }
    case 'alert':
      return describeAlert(signal, redactor);
    case 'tick': {
      const { rule, scheduledMs } = signal;
      const time = new Date(scheduledMs).toISOString();
      return { text: `scheduled for ${time}`, data: { rule, scheduledMs } };
    }
    case 'request': {
      const { requestId, namespace, pod, container, via, by } = signal;
      const text = `requested by ${by}`;
      return { text, data: { requestId, namespace, pod, container, via, by } };
    }
    case 'podChanged': {
      const { namespace, name, uid, phase } = signal.pod;
      return { text: `pod ${namespace}/${name} changed`, data: { namespace, name, uid, phase } };
    }
    case 'podGone': {
      const { namespace, name, uid } = signal;
      return { text: `pod ${namespace}/${name} is gone`, data: { namespace, name, uid } };
    }
    case 'wake':
      return { text: 'time passed', data: {} };
    default:
      return unreachable(signal, 'summarize');
  }
}

function describeMemory(signal: MemorySignal): Description {
  const { levels, usedRatio, growthBytesPerSecond, fullInMs } = signal;
  let limit = '';
  for (const level of levels) {
    const isTightest = Math.abs(level.usedBytes / level.limitBytes - usedRatio) < 1e-6;
    if (isTightest) limit = ` of ${formatBytes(level.limitBytes)} (${level.level})`;
  }
  const data = { usedRatio, growthBytesPerSecond, fullInMs, levels };
  return { text: `memory ${formatPercent(usedRatio)}${limit}`, data };
}

function describeAlert(signal: AlertSignal, redactor: Redactor): Description {
  const { alertId, door, shape, hints } = signal;
  const fields: Record<string, unknown> = Object.create(null);
  let size = 0;
  let omitted = 0;
  for (const [name, value] of Object.entries(signal.fields)) {
    if (size >= FIELDS_CHARS_MAX) {
      omitted++;
      continue;
    }
    const text = typeof value === 'string' ? cut(value, MESSAGE_CHARS_MAX) : value;
    const kept = redactor.field(name, text);
    const cost = JSON.stringify(name).length + JSON.stringify(kept).length + 2;
    if (size + cost > FIELDS_CHARS_MAX) {
      omitted++;
      continue;
    }
    size += cost;
    fields[name] = kept;
  }
  const severity = fields[alertFields.severity] ?? 'alert';
  const text = `${shape} ${String(severity)}: ${String(fields[alertFields.title] ?? alertId)}`;
  const data: Record<string, unknown> = { alertId, door, shape, hints, fields: { ...fields } };
  if (omitted > 0) data.omittedFields = omitted;
  return { text, data };
}

function cut(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}
