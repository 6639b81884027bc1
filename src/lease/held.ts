import type { Cancel, StillpointError } from '../base/index.ts';
import type { NumberedIntent } from './intent.ts';

/** One intent from the moment it is asked until it is released. */
export interface Held {
  readonly numbered: NumberedIntent;
  readonly acknowledged: boolean;
  /** The guard has resumed it, or may have. */
  lapsed: boolean;
  /** The guard's answer; a second one changes nothing. */
  accept(): void;
  refuse(error: StillpointError): void;
}

/** `cancel` ends the wait for the answer. */
export function createHeld(
  numbered: NumberedIntent,
  cancel: Cancel,
  onRefused: (error: StillpointError) => void,
  onAccepted: () => void,
): Held {
  let acknowledged = false;
  return {
    numbered,
    lapsed: false,
    get acknowledged() {
      return acknowledged;
    },
    accept() {
      cancel();
      acknowledged = true;
      onAccepted();
    },
    refuse(error) {
      cancel();
      onRefused(error);
    },
  };
}
