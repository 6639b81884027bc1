/**
 * sources/pods: the pods of this node, as signals, from list and watch of the API server. It
 * compares nothing and decides nothing: what changed between two facts is for the rules.
 */
export { podFactFromApi } from './pod-fact-from-api.ts';
export { createPodsSource, type PodsSourceOptions } from './pods-source.ts';
