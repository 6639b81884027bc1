/**
 * sources/probes: what the kubelet counts of probes (/metrics/probes), as signals. It looks only
 * while there is something to look at, and judges nothing: how many failures in a row matter is for
 * the rules.
 */
export {
  createProbesSource,
  type ProbesSource,
  type ProbesSourceOptions,
  type ProbeWatch,
} from './probes-source.ts';
