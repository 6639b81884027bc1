import { formatPercent, StillpointError } from '../../base/index.ts';
import { FLOOR_RATIO, type GivenRule } from '../schema/index.ts';
import type { EventMatch, SequenceStep, When } from '../when.ts';
import { compileAlertMatch, compileFieldMatch, compileTextTest } from './tests.ts';

/** The condition of a rule. The schema made sure that exactly one kind is there. */
export function compileWhen(given: GivenRule['spec']['when']): When {
  const { memory, event, crashLoop, probe, terminating, alert, sequence, request, schedule } =
    given;
  if (memory?.of === 'node') {
    const { availableBelow, availableAbove = availableBelow, for: forMs } = memory;
    return { kind: 'nodeMemory', availableBelow, availableAbove, forMs };
  }
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
      match: compileEventMatch(event),
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
  if (sequence) {
    const { within: withinMs, steps } = sequence;
    return { kind: 'sequence', withinMs, steps: steps.map(compileStep) };
  }
  if (request) return { kind: 'request', ...request };
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

type GivenEvent = NonNullable<GivenRule['spec']['when']['event']>;

function compileEventMatch({
  reason,
  type,
  message,
  match = [],
}: Pick<GivenEvent, 'reason' | 'type' | 'message' | 'match'>): EventMatch {
  return {
    reason: typeof reason === 'string' ? [reason] : reason,
    type,
    message: message && compileTextTest(message),
    fields: match.map(compileFieldMatch),
  };
}

type GivenStep = NonNullable<GivenRule['spec']['when']['sequence']>['steps'][number];

function compileStep({ event, alert, memory, probe, crash }: GivenStep): SequenceStep {
  if (event) {
    const match = compileEventMatch(event);
    const tests = [...(match.message ? [match.message] : []), ...match.fields];
    const texts = tests.map((one) => one.text);
    const text = [`event ${match.reason.join(' or ')}`, ...texts].join(', ');
    return { kind: 'event', match, text };
  }
  if (alert) {
    const match = compileAlertMatch(alert);
    const text = [`alert ${alert.shape}`, ...match.map((one) => one.text)].join(', ');
    return { kind: 'alert', shape: alert.shape, match, text };
  }
  if (memory)
    return { kind: 'memory', ...memory, text: `memory >= ${formatPercent(memory.above)}` };
  if (probe) return { kind: 'probe', ...probe, text: `${probe.type} probe fails` };
  if (crash) {
    const of = crash.reasons ? ` (${crash.reasons.join(' or ')})` : '';
    return { kind: 'crash', ...crash, text: `crash${of}` };
  }
  throw new StillpointError({ code: 'internal', message: 'a step without a condition' });
}
