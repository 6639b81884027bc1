import {
  type Mistake,
  mistakeAt,
  nearest,
  type PathPart,
  type YamlDocument,
} from '../../base/index.ts';
import type { GivenRule, GivenTests } from '../schema/index.ts';
import { checkMatch, type WrittenTest, writtenTests } from './match.ts';

/** An Event as a rule asks for it, by itself or as a step of a sequence. */
type GivenEvent = Pick<
  NonNullable<GivenRule['spec']['when']['event']>,
  'reason' | 'type' | 'message' | 'match'
>;

type Path = readonly PathPart[];

/** Tests that no Event passes. */
export function eventMistakes(
  document: YamlDocument,
  event: GivenEvent | undefined,
  path: Path,
): Mistake[] {
  if (!event) return [];
  const tests = allTests(event, path);
  return [
    ...checkMatch(document, tests),
    ...tests.flatMap(({ test, at }) => neverText(document, test, at)),
  ];
}

/** What stands beside `match` says the same as a test of that field would. */
function allTests({ reason, type, message, match = [] }: GivenEvent, path: Path): WrittenTest[] {
  const beside: WrittenTest[] = [
    { test: { field: 'reason', in: [reason].flat() }, at: [...path, 'reason'] },
  ];
  if (type) beside.push({ test: { field: 'type', equals: type }, at: [...path, 'type'] });
  if (message) beside.push({ test: { field: 'message', ...message }, at: [...path, 'message'] });
  return [...beside, ...writtenTests(match, [...path, 'match'])];
}

/** All that a rule can look at in an Event is text, whatever it looks like. */
function neverText(document: YamlDocument, test: GivenTests, at: Path): Mistake[] {
  const { equals, in: oneOf } = test;
  const message = 'can never match: the fields of an Event are texts';
  if (equals !== undefined && typeof equals !== 'string') {
    const suggestion = JSON.stringify(String(equals));
    return [mistakeAt(document, [...at, 'equals'], { message, suggestion })];
  }
  if (oneOf === undefined || oneOf.some((value) => typeof value === 'string')) return [];
  return [mistakeAt(document, [...at, 'in'], { message })];
}

/** Reasons of Events about pods, as the kubelet and the scheduler write them. */
const KNOWN_REASONS = [
  // pkg/kubelet/events/event.go
  ...['Created', 'Started', 'Failed', 'Killing', 'Preempting', 'BackOff', 'ExceededGracePeriod'],
  ...['FailedKillPod', 'FailedCreatePodContainer', 'NetworkNotReady', 'Pulling', 'Pulled'],
  ...['ErrImageNeverPull', 'InspectFailed', 'FailedMount', 'FailedAttachVolume', 'Unhealthy'],
  ...['ProbeWarning', 'FailedPostStartHook', 'FailedPreStopHook', 'FailedCreatePodSandBox'],
  ...['FailedPodSandBoxStatus', 'SandboxChanged', 'FailedSync', 'FailedValidation', 'Evicted'],
  ...['NodeAllocatableEnforced', 'FailedInPlacePodResize', 'ResizeCompleted', 'ResizeStarted'],
  // pkg/scheduler, pkg/controller/tainteviction
  ...['Scheduled', 'FailedScheduling', 'Preempted', 'TaintManagerEviction'],
];

/** A reason that is almost one of those that Kubernetes gives. Anybody may give others. */
export function eventWarnings(
  document: YamlDocument,
  event: GivenEvent | undefined,
  path: Path,
): Mistake[] {
  if (!event) return [];
  const isList = Array.isArray(event.reason);
  return [event.reason].flat().flatMap((reason, index) => {
    if (KNOWN_REASONS.includes(reason)) return [];
    const suggestion = nearest(reason, KNOWN_REASONS);
    if (suggestion === undefined) return [];
    const at = [...path, 'reason', ...(isList ? [index] : [])];
    const message = `is no reason that Kubernetes gives, so it matches only if something else does`;
    return [mistakeAt(document, at, { message, suggestion })];
  });
}
