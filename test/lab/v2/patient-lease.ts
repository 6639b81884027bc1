import { isStillpointError } from '../../../src/base/index.ts';
import type { GuardLease } from '../../../src/lease/index.ts';

type Protecting = Pick<GuardLease, 'protect'>;

const TRIES = 10;

/**
 * Nothing is frozen when the guard does not answer within 50 ms, which in an emulated machine it
 * does not always. Here it is asked again: what is tested comes after its answer.
 */
export function patientLease(lease: Protecting): Protecting {
  return {
    async protect(intent) {
      for (let tried = 1; ; tried++) {
        try {
          return await lease.protect(intent);
        } catch (error) {
          if (tried === TRIES || !isStillpointError(error, 'unreachable')) throw error;
        }
      }
    },
  };
}
