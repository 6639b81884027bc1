import type { FactOf } from '../../../src/agent/index.ts';
import { CART, type RunningAgent, type TestNode } from './node.ts';

/** Specs of rules that the tests of a whole agent share. */
export const LEAK = 'when: { memory: { above: 85% } }, target: {}';
export const BOOM = 'when: { event: { reason: Boom } }, target: {}, limits: { cooldown: 0s }';

/** The Event that BOOM waits for. */
export function boom({ sim }: TestNode, message = 'boom'): void {
  sim.scenario.emitEvent(CART, { type: 'Warning', reason: 'Boom', message, container: 'app' });
}

export function isOfCart({ signal }: FactOf<'signal'>): boolean {
  return signal.kind === 'podChanged' && signal.pod.name === 'cart';
}

export async function statusOf(running: RunningAgent, name: string) {
  const { sources } = await running.agent.status();
  return sources.find((source) => source.name === name)?.status;
}
