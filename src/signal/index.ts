/**
 * signal: the types that travel down the street, and the table of reasons. Plain data and tiny
 * pure helpers; it does no I/O, holds no state, and decides nothing.
 */
export { alertFields } from './alert-fields.ts';
export { amountBytes, type MemoryAmount } from './memory-amount.ts';
export {
  type ContainerEnd,
  type ContainerFact,
  type ContainerState,
  type ContainerType,
  findContainer,
  isRunning,
  type Owner,
  type PodFact,
  type ProbeFact,
} from './pod-fact.ts';
export { type ReasonCode, reasons } from './reasons.ts';
export type {
  AlertShape,
  AlertSignal,
  AlertTargetHints,
  AlertValue,
  BackendChoice,
  BackendName,
  EventSignal,
  MemoryLevel,
  MemorySignal,
  NodeMemorySignal,
  PodChangedSignal,
  PodGoneSignal,
  PodMemory,
  ProbeSignal,
  RequestSignal,
  Signal,
  SignalKind,
  TickSignal,
  WakeSignal,
} from './signal.ts';
export { describeTarget, parseContainerId, type Target } from './target.ts';
