/**
 * dispatch: accepts decisions to fire, journals them, joins those about one container, and hands
 * them out in the right order, one at a time. It never looks at a signal and never touches a
 * container.
 */
export { createDispatcher, type Dispatcher, type DispatcherOptions } from './dispatcher.ts';
export {
  createJournal,
  type Journal,
  type JournalEntry,
  type JournalFacts,
  type JournalState,
  journalStates,
} from './journal.ts';
export { compareUrgency, deathExpectedAtMs } from './order.ts';
export type { Acceptance, Trigger } from './trigger.ts';
