import { accessSync, constants } from 'node:fs';
import type { Archives } from '../archive/index.ts';
import { messageOf } from '../base/index.ts';
import type { Backend } from '../capture/index.ts';
import type { Dispatcher } from '../dispatch/index.ts';
import type { GuardStatus } from '../lease/index.ts';
import { type DiskSpace, evictionFloorBytes, readDiskSpace } from '../node/index.ts';
import type { quietCounts } from '../rules/index.ts';
import { describeTarget } from '../signal/index.ts';
import type { Source } from '../sources/index.ts';
import type { AgentStatus, RecentTrigger } from './api-types.ts';
import type { AgentMode } from './config-schema.ts';
import type { RecordingStatus } from './recorder.ts';
import type { RuleSet } from './rule-set.ts';
import type { StuckThaw } from './stuck-thaws.ts';

export interface StatusOptions {
  version: string;
  node: string;
  startedMs: number;
  mode: AgentMode;
  /** Of the configuration on disk, see ConfigWatch. */
  configWarnings: readonly string[];
  observed: readonly RecentTrigger[];
  /** Signals that a rule passed over without a decision. */
  passedOver: ReturnType<typeof quietCounts>;
  capturesPerHourMax: number;
  sources: readonly Source[];
  backends: readonly Backend[];
  dispatcher: Dispatcher;
  archives: Archives;
  evictionHard(): Readonly<Record<string, string>> | undefined;
  recording(): RecordingStatus | undefined;
  ruleSet(): RuleSet;
  refused(): string | undefined;
  warnings(): readonly string[];
  /** Why the checkpoints directory cannot be used now. */
  archivesProblem(): string | undefined;
  stuck(): readonly StuckThaw[];
  guard(): GuardStatus;
}

const RECENT_MAX = 20;

/** Everything that `stillpoint status` shows, read now. */
export async function readStatus(options: StatusOptions): Promise<AgentStatus> {
  const { dispatcher, archives, sources, backends } = options;
  const { waiting, running, paused, usedThisHour } = dispatcher.status();
  const set = options.ruleSet();
  const archivesProblem = options.archivesProblem();
  return {
    version: options.version,
    node: options.node,
    startedMs: options.startedMs,
    mode: options.mode,
    warnings: options.configWarnings,
    sources: sources.map((source) => ({
      name: source.name,
      status: source.status(),
      dropped: { ...source.dropped() },
    })),
    backends: await Promise.all(backends.map(describeBackend)),
    guard: options.guard(),
    rules: {
      loaded: set.rules.map(({ id, when, mode }) => ({
        id,
        kind: when.kind,
        mode: options.mode === 'observe' ? 'observe' : mode,
        passedOver: passedOverBy(id, options.passedOver),
      })),
      policies: set.policies.map(({ name }) => name),
      refused: options.refused(),
      warnings: options.warnings(),
    },
    captures: {
      waiting,
      running: running && {
        trigger: running.id,
        target: describeTarget(running.target),
        rule: running.decisions[0]?.rule ?? '',
      },
      paused,
      usedThisHour,
      perHourMax: options.capturesPerHourMax,
      stuck: options.stuck().map(({ target, sinceMs, tries }) => ({
        target: describeTarget(target),
        containerId: target.containerId,
        sinceMs,
        tries,
      })),
    },
    archives: countArchives(archives),
    disk: {
      ...diskOf(archives.directory, options.evictionHard()),
      ...(archivesProblem === undefined ? {} : { problem: archivesProblem }),
    },
    recent: recentOf(dispatcher, options.observed),
    recording: options.recording(),
  };
}

/** What was captured or refused, and what was only observed, newest first. */
function recentOf(dispatcher: Dispatcher, observed: readonly RecentTrigger[]): RecentTrigger[] {
  const accepted = dispatcher.journal.recent(RECENT_MAX).map(({ trigger, state }) => ({
    id: trigger.id,
    acceptedMs: trigger.acceptedMs,
    target: describeTarget(trigger.target),
    rule: trigger.decisions[0]?.rule ?? '',
    state,
    detail: trigger.decisions[0]?.detail,
    trail: trigger.decisions[0]?.trail,
  }));
  return [...accepted, ...observed]
    .sort((a, b) => b.acceptedMs - a.acceptedMs)
    .slice(0, RECENT_MAX);
}

function passedOverBy(
  id: string,
  counts: StatusOptions['passedOver'],
): AgentStatus['rules']['loaded'][number]['passedOver'] {
  const own = counts.filter(({ rule }) => rule === id);
  return Object.fromEntries(own.map(({ reason, count }) => [reason, count]));
}

async function describeBackend(backend: Backend) {
  const found = await backend.availability();
  return { name: backend.name, state: found.kind, why: found.why };
}

/** Archives and bytes, ours with the images that wait for theirs, and others': they fill one disk. */
export function countArchives(archives: Archives): AgentStatus['archives'] {
  const oursBytes = archives.imagesSpaceBytes();
  const counts = { ours: 0, oursBytes, foreign: 0, foreignBytes: 0 };
  for (const { standing, bytes } of archives.catalog.list()) {
    const isForeign = standing.kind === 'foreign';
    counts[isForeign ? 'foreign' : 'ours']++;
    counts[isForeign ? 'foreignBytes' : 'oursBytes'] += bytes;
  }
  return counts;
}

/** Space of the checkpoints directory, and the kubelet's own floor there. */
export function diskOf(
  path: string,
  evictionHard: Readonly<Record<string, string>> | undefined,
): AgentStatus['disk'] {
  try {
    const space: DiskSpace = readDiskSpace(path);
    const floorBytes = evictionFloorBytes(evictionHard, space);
    const problem = unwritable(path);
    return { path, availableBytes: space.availableBytes, floorBytes, ...(problem && { problem }) };
  } catch (error) {
    return { path, problem: messageOf(error) };
  }
}

/** A disk that was remounted read-only has all its space left, and takes nothing. */
function unwritable(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `cannot be written: ${messageOf(error)}`;
  }
}
