import type { ArchiveRecord } from '../../../src/archive/index.ts';
import { systemClock } from '../../../src/base/index.ts';
import { gapsIn, podLogs, waitFor } from '../../lab/lib/index.ts';
import type { Path, PathAgent } from '../../lab/rig/capture-paths.ts';
import { calmDisk, watchDisk } from './disk-peak.ts';

/** One capture, seen from outside of it. */
export interface Measured {
  /** The longest gap of the container's own 1 ms ticker. */
  stopMs: number;
  /** All its gaps of more than 20 ms added up. */
  stopsMs: number;
  /** From the alert until the archive is verified, on disk and recorded. */
  wholeMs: number;
  /** How much more of the disk was in use at any moment. */
  peakBytes: number;
  /** What the record says of it. */
  record: ArchiveRecord;
}

interface Question {
  agent: PathAgent;
  path: Path;
  pod: string;
  containerId: string;
}

/** Shorter ones are those of a busy machine. */
const GAP_MS_MIN = 20;

export async function measure(question: Question): Promise<Measured> {
  const { agent, path, pod, containerId } = question;
  const { checkpointsDir } = agent.node;
  await calmDisk(checkpointsDir);
  const disk = await watchDisk(checkpointsDir);
  const startedAtMs = systemClock.wallMs();
  const startedMs = systemClock.monotonicMs();
  const outcome = await agent.capture(path, containerId);
  const wholeMs = systemClock.monotonicMs() - startedMs;
  const endedAtMs = systemClock.wallMs();
  const { peakBytes } = await disk.stop();
  if (outcome.kind !== 'archived') {
    throw new Error(`${path} of ${pod}: no archive: ${JSON.stringify(outcome)}`);
  }
  assertTaken(path, outcome.record);
  const gaps = (await logAfter(pod, endedAtMs))
    .filter(({ atUnixMs }) => atUnixMs >= startedAtMs && atUnixMs <= endedAtMs)
    .map(({ ms }) => ms);
  return {
    stopMs: Math.max(0, ...gaps),
    stopsMs: gaps.filter((ms) => ms > GAP_MS_MIN).reduce((sum, ms) => sum + ms, 0),
    wholeMs,
    peakBytes,
    record: outcome.record,
  };
}

/** The gaps in its log, once the program has said something again after that moment. */
async function logAfter(pod: string, atMs: number): Promise<ReturnType<typeof gapsIn>> {
  const lines = (await podLogs(pod)).length;
  return waitFor(`${pod} to tick after ${atMs}`, async () => {
    const log = await podLogs(pod);
    return log.slice(lines).includes('tick') ? gapsIn(log) : undefined;
  });
}

/** A path that was left for another one measures nothing. */
function assertTaken(path: Path, { backend, backendReason, dump, missing }: ArchiveRecord): void {
  const taken = dump === undefined ? backend : `${backend}-${dump.sequence}`;
  const why = dump?.sequenceReason ?? backendReason;
  if (taken !== path) throw new Error(`asked for ${path}, got ${taken}: ${why}`);
  if (missing !== undefined) throw new Error(`${path}: incomplete: ${JSON.stringify(missing)}`);
}
