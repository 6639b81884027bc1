/**
 * sources/events: core Events about pods, as count deltas, from list and watch of the API server.
 * It knows no rule: every Event that may concern a pod of this node is passed on.
 */
export { createEventsSource, type EventsSourceOptions } from './events-source.ts';
