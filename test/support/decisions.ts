import type { Decision } from '../../src/rules/index.ts';
import type { Target } from '../../src/signal/index.ts';

/** A target whose container id is `letter` (a hex digit) 64 times. */
export function targetOf(letter: string, overrides: Partial<Target> = {}): Target {
  return {
    namespace: 'shop',
    pod: `cart-${letter}`,
    podUid: `uid-${letter}`,
    container: 'app',
    containerId: letter.repeat(64),
    ...overrides,
  };
}

/** A decision to fire on the target, as the rules core makes them. */
export function fireOn(
  target: Target,
  overrides: Partial<Decision> = {},
): Decision & { target: Target } {
  return {
    verdict: 'fire',
    reason: 'fired',
    detail: 'test',
    trail: [{ part: 'when.event.reason', holds: true, saw: 'Unhealthy', wants: 'Unhealthy' }],
    rule: 'rule-a',
    atMs: 0,
    signal: { kind: 'event', occurredMs: 0, seenMs: 0, text: 'Unhealthy', data: {} },
    capture: { via: 'auto', timeoutMs: 600_000, freezeMsMax: 30_000 },
    retainClass: 'default',
    ...overrides,
    target,
  };
}
