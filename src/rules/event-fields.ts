import type { EventSignal } from '../signal/index.ts';
import type { EventMatch } from './when.ts';

/** The value of one of `eventFields`; the message without what its recorder put before it. */
export function eventFieldOf(signal: EventSignal, message: string, field: string): unknown {
  switch (field) {
    case 'reason':
      return signal.reason;
    case 'type':
      return signal.type;
    case 'message':
      return message;
    case 'container':
      return signal.container;
    case 'source.component':
      return signal.component;
    default:
      return undefined;
  }
}

/** Whether the Event passes all tests but that of its reason. */
export function passesTests(
  { type, message: test, fields }: EventMatch,
  signal: EventSignal,
  message: string,
): boolean {
  if (type !== undefined && type !== signal.type) return false;
  if (test !== undefined && !test.matches(message)) return false;
  return fields.every((one) => one.matches(eventFieldOf(signal, message, one.field)));
}
