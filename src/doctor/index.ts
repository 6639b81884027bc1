/**
 * doctor: looks at one node and says what Stillpoint can do there, what it cannot, why, and what to
 * do about it. Each check asks and then judges what it was told. It changes nothing but a file of
 * its own that it removes again; with a canary it captures that pod and no other.
 */
export { type AgentCalls, type CanaryTarget, createCanaryAgent } from './canary/canary-agent.ts';
export { captureCanary } from './canary/capture-canary.ts';
export { runLocalCanary } from './canary/local-canary.ts';
export type { Line, LineState } from './line.ts';
export { createOutside, type Outside, type OutsideOptions } from './outside.ts';
export type { AgentPod } from './remote/agent-pods.ts';
export { doctorOnNodes, findNodes, type RemoteOptions } from './remote/remote-doctor.ts';
export { type DoctorReport, exitCodeOf, runDoctor } from './report.ts';
