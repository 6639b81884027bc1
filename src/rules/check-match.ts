import {
  type Mistake,
  mistakeAt,
  nearest,
  type PathPart,
  type YamlDocument,
} from '../base/index.ts';
import { compileFieldMatch } from './compile-tests.ts';
import type { GivenRule } from './schema/index.ts';

type GivenWhen = GivenRule['spec']['when'];
type GivenMatch = NonNullable<GivenWhen['alert']>['match'];

/** Tests of one field that no value can pass together. */
export function checkMatch(
  document: YamlDocument,
  match: GivenMatch,
  path: readonly PathPart[],
): Mistake[] {
  const byField = new Map<string, number[]>();
  match.forEach(({ field }, index) => {
    byField.set(field, [...(byField.get(field) ?? []), index]);
  });
  return [...byField.values()].flatMap((indexes) => {
    const tests = indexes.flatMap((index) => match[index] ?? []);
    const compiled = tests.map(compileFieldMatch);
    const values = tests.map(valuesOf).find((some) => some !== undefined);
    if (tests.length < 2 || !values) return [];
    if (values.some((value) => compiled.every((one) => one.matches(value)))) return [];
    const [first = 0] = indexes;
    const message = 'can never match: no value passes all tests of this field';
    const other = { ...document.place([...path, first]), note: 'the first of them' };
    return [mistakeAt(document, [...path, indexes.at(-1) ?? first], { message, other })];
  });
}

/** The values of which one must stand there, if the test names them. */
function valuesOf(test: GivenMatch[number]): unknown[] | undefined {
  if (test.equals !== undefined) return [test.equals];
  if (test.in !== undefined) return test.in;
  return test.exists === false ? [undefined] : undefined;
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
export function checkReasons(
  document: YamlDocument,
  event: Pick<NonNullable<GivenWhen['event']>, 'reason'> | undefined,
  path: readonly PathPart[],
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
