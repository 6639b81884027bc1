import { StillpointError } from '../base/index.ts';
import { compileAlertMatch, compileFieldMatch, compileTextTest } from './compile-tests.ts';
import { FLOOR_RATIO, type GivenRule } from './schema/index.ts';
import type { When } from './when.ts';

/** The condition of a rule. The schema made sure that exactly one kind is there. */
export function compileWhen(given: GivenRule['spec']['when']): When {
  const { memory, event, crashLoop, probe, terminating, alert, schedule } = given;
  if (memory) {
    const { above, for: forMs, orFullWithin, floor = FLOOR_RATIO, below } = memory;
    return {
      kind: 'memory',
      above,
      forMs,
      filling: orFullWithin === undefined ? undefined : { withinMs: orFullWithin, floor },
      rearmBelow: below,
    };
  }
  if (event) {
    return {
      kind: 'event',
      match: {
        reason: typeof event.reason === 'string' ? [event.reason] : event.reason,
        type: event.type,
        message: event.message && compileTextTest(event.message),
        fields: (event.match ?? []).map(compileFieldMatch),
      },
      atLeast: event.atLeast,
      withinMs: event.within,
    };
  }
  if (crashLoop) {
    return {
      kind: 'crashLoop',
      restarts: crashLoop.restarts,
      withinMs: crashLoop.within,
      captureAfterMs: crashLoop.capture.after,
    };
  }
  if (alert) {
    return { kind: 'alert', shape: alert.shape, match: compileAlertMatch(alert) };
  }
  if (probe) return { kind: 'probe', ...probe };
  if (terminating) return { kind: 'terminating', ...terminating };
  if (schedule) {
    const { startingDeadline, jitter, ...plan } = schedule;
    return {
      kind: 'schedule',
      ...plan,
      startingDeadlineMs: startingDeadline,
      jitterMs: jitter,
    };
  }
  throw new StillpointError({ code: 'internal', message: 'a rule without a condition' });
}
