import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS_OF_A_CAPTURE = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const SECONDS_OF_A_FREEZE = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SECONDS_TO_REACT = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120];

/** Every metric of the agent. No label holds a name of a pod, a container or an archive. */
export interface Instruments {
  registry: Registry;
  signals: Counter;
  decisions: Counter;
  captures: Counter;
  failures: Counter;
  refusals: Counter;
  stuck: Counter;
  archived: Counter;
  removed: Counter;
  removedBytes: Counter;
  rulesRefused: Counter;
  captureSeconds: Histogram;
  frozenSeconds: Histogram;
  reactionSeconds: Histogram;
  verifySeconds: Histogram;
  dropped: Counter;
  state: Gauge;
  waiting: Gauge;
  archives: Gauge;
  archiveBytes: Gauge;
  disk: Gauge;
  rules: Gauge;
  memory: Gauge;
  build: Gauge;
}

/** Loads prom-client (30 ms, under 1 MB) on first use; its own Registry, none is global. */
export async function createInstruments(): Promise<Instruments> {
  const client = await import('prom-client');
  const registry = new client.Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new client.Counter({ name: `stillpoint_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new client.Gauge({ name: `stillpoint_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
    new client.Histogram({ name: `stillpoint_${name}`, help, labelNames, buckets, registers });
  return {
    registry,
    signals: counter('signals_total', 'Signals from the sources.', ['kind']),
    decisions: counter('decisions_total', 'Decisions of the rules.', ['verdict', 'reason']),
    captures: counter('captures_total', 'Captures by how they ended.', ['result', 'backend']),
    failures: counter('capture_failures_total', 'Failed captures by class.', ['class']),
    refusals: counter('refusals_total', 'Fired but not captured, by who refused.', [
      'stage',
      'reason',
    ]),
    stuck: counter('thaw_stuck_total', 'Containers that still stood still when the check gave up.'),
    archived: counter('archives_verified_total', 'Archives by what their check found.', ['result']),
    removed: counter('retention_removed_total', 'Archives removed by retention.', ['policy']),
    removedBytes: counter('retention_removed_bytes_total', 'Bytes removed by retention.', [
      'policy',
    ]),
    rulesRefused: counter('rules_refused_total', 'Rule sets that were refused at load.'),
    captureSeconds: histogram(
      'capture_seconds',
      'From the request to the backend until its reply.',
      ['backend', 'result'],
      SECONDS_OF_A_CAPTURE,
    ),
    frozenSeconds: histogram(
      'frozen_seconds',
      'How long the container stood still.',
      ['backend'],
      SECONDS_OF_A_FREEZE,
    ),
    reactionSeconds: histogram(
      'reaction_seconds',
      'From the first signal seen until the backend was asked; waiting for a turn included.',
      ['kind'],
      SECONDS_TO_REACT,
    ),
    verifySeconds: histogram(
      'verify_seconds',
      'Reading, hashing and checking an archive.',
      [],
      SECONDS_OF_A_CAPTURE,
    ),
    dropped: counter('dropped_total', 'What a source, the rules or an output passed over.', [
      'by',
      'reason',
    ]),
    state: gauge('state', '1 for the state that a source or connection is in.', ['of', 'state']),
    waiting: gauge('queue_length', 'Triggers that wait for their turn.'),
    archives: gauge('archives', 'Archives in the checkpoints directory.', ['owner']),
    archiveBytes: gauge('archive_bytes', 'Bytes of archives.', ['owner']),
    disk: gauge('disk_bytes', 'Disk of the checkpoints directory.', ['what']),
    rules: gauge('rules', 'Rules in force.'),
    memory: gauge('resident_memory_bytes', 'Resident memory of the agent.'),
    build: gauge('build_info', 'Always 1.', ['version', 'node_version']),
  };
}
