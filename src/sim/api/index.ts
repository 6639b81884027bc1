/**
 * sim/api: the simulated API server: objects with versions and history, lists, watches, Events
 * that can be written. It makes nothing happen by itself: what it shows is put into its store.
 */
export { ApiServer, type Injection } from './api-server.ts';
export { ListWatch } from './list-watch.ts';
export { sendJson, sendText, tooOld } from './replies.ts';
export { type KubeObject, ObjectStore, type Resource } from './store.ts';
