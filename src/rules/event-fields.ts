import type { EventSignal } from '../signal/index.ts';

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
