/**
 * sim/model: the pods of the simulated node and how they live: memory that grows, crashes,
 * back-off, probes, kills, freezes. It knows no protocol; servers show it, scenarios steer it.
 */
export { type EventFields, EventRecorder } from './event-recorder.ts';
export { hexDigits } from './make-pod.ts';
export { type ModelParts, NodeModel, type Running, targetOf } from './node-model.ts';
export { criAnnotations, criLabels, environmentOf, ociSpec } from './oci-spec.ts';
export {
  type Behaviour,
  type Life,
  type LifeEnd,
  lifeOf,
  podCacheBytes,
  podLimitBytes,
  podUsedBytes,
  qosOf,
  type SimContainer,
  type SimContainerSpec,
  type SimPod,
  type SimPodSpec,
  type SimProbe,
  standsStill,
} from './pod.ts';
export { imageIdOf, kubeTime } from './pod-json.ts';
export { PodLogs } from './pod-logs.ts';
