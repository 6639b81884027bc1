import { deepFreeze } from '../../base/index.ts';
import type { Rule } from '../rule.ts';
import type { GivenRule } from '../schema/index.ts';
import { compileLimits } from './limits.ts';
import { compileTarget } from './target.ts';
import { compileWhen } from './when.ts';

/** A checked document becomes a Rule: matchers compiled, everything frozen. */
export function compileRule(
  given: GivenRule,
  { where, origin }: Pick<Rule, 'where' | 'origin'>,
): Rule {
  const { metadata, spec } = given;
  return deepFreeze({
    id: ruleId(metadata),
    namespace: metadata.namespace,
    description: spec.description,
    enabled: spec.enabled,
    priority: spec.priority,
    mode: spec.mode,
    when: compileWhen(spec.when),
    target: compileTarget(spec.target),
    ...(where && { where }),
    capture: {
      via: spec.capture.via,
      timeoutMs: spec.capture.timeout,
      freezeMsMax: spec.capture.freeze.max,
      sequence: spec.capture.sequence,
      consistency: spec.capture.consistency,
      options: spec.capture.options,
      images: spec.capture.images,
    },
    limits: compileLimits(spec.limits),
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
