import { deepFreeze, StillpointError } from '../base/index.ts';
import { compileFieldMatch, compileTextTest } from './compile-tests.ts';
import type { Rule, When } from './rule.ts';
import type { GivenRule } from './schema.ts';

/** A checked document becomes a Rule: matchers compiled, everything frozen. */
export function compileRule(given: GivenRule, origin: Rule['origin']): Rule {
  const { metadata, spec } = given;
  const { podSelector } = spec.target;
  return deepFreeze({
    id: ruleId(metadata),
    namespace: metadata.namespace,
    description: spec.description,
    mode: spec.mode,
    when: compileWhen(spec.when),
    target: {
      namespaces: spec.target.namespaces,
      matchLabels: podSelector.matchLabels,
      matchExpressions: podSelector.matchExpressions,
      containers: spec.target.containers,
    },
    capture: {
      via: spec.capture.via,
      timeoutMs: spec.capture.timeout,
      freezeMsMax: spec.capture.freeze.max,
    },
    limits: { cooldownMs: spec.limits.cooldown },
    retainClass: spec.retain.class,
    origin,
  });
}

/** `name`, or `namespace/name` for a rule in a namespace. */
export function ruleId(metadata: { name: string; namespace?: string }): string {
  return metadata.namespace === undefined
    ? metadata.name
    : `${metadata.namespace}/${metadata.name}`;
}

/** The schema made sure that exactly one kind is there. */
function compileWhen(given: GivenRule['spec']['when']): When {
  const { memory, event, crashLoop, alert, schedule } = given;
  if (memory) return { kind: 'memory', above: memory.above, forMs: memory.for };
  if (event) {
    return {
      kind: 'event',
      match: {
        reason: typeof event.reason === 'string' ? [event.reason] : event.reason,
        type: event.type,
        message: event.message && compileTextTest(event.message),
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
    return { kind: 'alert', shape: alert.shape, match: alert.match.map(compileFieldMatch) };
  }
  if (schedule) return { kind: 'schedule', cron: schedule.cron, timeZone: schedule.timeZone };
  throw new StillpointError({ code: 'internal', message: 'a rule without a condition' });
}
