/**
 * dispatch: accepts decisions to fire, journals them, joins those about one container, and hands
 * them out in the right order, one at a time. It never looks at a signal and never touches a
 * container.
 */
export type { Acceptance, Trigger } from './trigger.ts';
