import type {
  ContainerFact,
  EventSignal,
  ProbeFact,
  ProbeSignal,
  ReasonCode,
} from '../../../src/signal/index.ts';
import type { PlainRule, WhenOf } from './plain-rule.ts';
import { hindrance, reaches } from './reach.ts';
import {
  aboutOf,
  claimed,
  fire,
  held,
  type Known,
  notesOf,
  type PlainCase,
  rulesOfKind,
  suppress,
  type World,
} from './world.ts';

type ProbeCase = PlainCase & { rule: PlainRule & { when: WhenOf<'probe'> } };

/** What the kubelet counted since the last look. */
export function takeProbe(world: World, { target, type, failures, successes }: ProbeSignal): void {
  const known = world.known.find(({ pod }) => pod.uid === target.podUid);
  const container = known?.pod.containers.find(({ name }) => name === target.container);
  if (!known || !container || container.containerId !== target.containerId) return;
  for (const { one, probe } of casesOf(world, known, container, type)) {
    const isSuccess = successes > 0;
    known.rows.push({ ...aboutOf(one), what: 'counted', failures, isSuccess });
    judge(world, one, probe);
  }
}

/** What it tells in Events; the message without what a recorder put before it. */
export function takeProbeEvent(world: World, known: Known, signal: EventSignal): void {
  const { reason, message, container: name, occurredMs, countDelta } = signal;
  const container = known.pod.containers.find((one) => one.name === name);
  if (reason !== 'Unhealthy' || container?.state.kind !== 'running') return;
  if (occurredMs < container.state.startedAtMs) return;
  const types = ['liveness', 'readiness', 'startup'] as const;
  const type = types.find((one) =>
    message.startsWith(`${one.charAt(0).toUpperCase()}${one.slice(1)} probe failed`),
  );
  if (!type) return;
  for (const { one, probe } of casesOf(world, known, container, type)) {
    const failures = Math.max(1, Math.floor(countDelta) || 1);
    const gapMsMax = 2 * probe.periodMs + probe.timeoutMs;
    const atMs = claimed(world, occurredMs);
    known.rows.push({ ...aboutOf(one), what: 'told', failures, atMs, gapMsMax });
    judge(world, one, probe);
  }
}

function casesOf(
  world: World,
  known: Known,
  container: ContainerFact,
  type: ProbeFact['type'],
): { one: ProbeCase; probe: ProbeFact }[] {
  const probe = container.probes.find((one) => one.type === type);
  if (!probe) return [];
  return rulesOfKind(world, 'probe')
    .filter((rule) => rule.when.type === type && reaches(rule, known.pod, container))
    .map((rule) => ({ one: { rule, known, container }, probe }));
}

/** The row that is under way, from all that was noted of the life. */
function rowOf(one: PlainCase) {
  let row = { counted: 0, told: 0, judged: 0, reported: undefined as ReasonCode | undefined };
  let toldMs: number | undefined;
  const ended = row;
  for (const note of notesOf(one.known.rows, one)) {
    switch (note.what) {
      case 'counted':
        // Of both within one look nobody knows the order: at least the last one may have failed.
        if (note.isSuccess) row = { ...ended, counted: Math.min(1, note.failures) };
        else row = { ...row, counted: row.counted + note.failures };
        break;
      case 'told': {
        const isGap = toldMs !== undefined && note.atMs - toldMs > note.gapMsMax;
        if (isGap) row = row.counted === 0 ? ended : { ...row, told: 0 };
        toldMs = Math.max(note.atMs, toldMs ?? note.atMs);
        row = { ...row, told: row.told + note.failures };
        break;
      }
      case 'judged':
        row = { ...row, judged: note.row };
        break;
      case 'said':
        row = { ...row, reported: note.reason };
    }
  }
  return row;
}

function judge(world: World, one: ProbeCase, { type, failureThreshold }: ProbeFact): void {
  const { rows } = one.known;
  const { counted, told, judged, reported } = rowOf(one);
  const row = Math.max(counted, told);
  if (row <= judged) return;
  rows.push({ ...aboutOf(one), what: 'judged', row });
  if (reported === 'fired') return;
  const { failures } = one.rule.when;
  // The kubelet kills at the last of failureThreshold failures: none comes after it.
  const needed = type === 'readiness' ? failures : Math.min(failures, failureThreshold);
  const isOpen = row < needed;
  const reason =
    hindrance(one.known.pod, one.container) ?? (isOpen ? 'window-open' : held(world, one)?.reason);
  if (reason !== undefined && reason === reported && !isOpen) return;
  rows.push({ ...aboutOf(one), what: 'said', reason: reason ?? 'fired' });
  if (reason) suppress(world, one, reason);
  else fire(world, one);
}
