import type { ProbeFact } from '../../signal/index.ts';

/** Results of one probe since its worker in the kubelet began. */
export interface ProbeCounts {
  failed: number;
  successful: number;
}

const METRIC = 'prober_probe_total{';
/** A node has some hundred pods with three probes of three results; more is not read. */
const LINES_MAX = 50_000;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/gy;

/** The key of one probe, as probeCountsOf has it. */
export function probeKey(podUid: string, container: string, type: ProbeFact['type']): string {
  return `${podUid}/${container}/${type}`;
}

/**
 * Reads the counter `prober_probe_total` out of the Prometheus text of /metrics/probes (labels
 * probe_type, result, container, pod_uid; kubernetes pkg/kubelet/prober/prober_manager.go). Lines
 * that are no such counter are passed over.
 */
export function probeCountsOf(text: string): Map<string, ProbeCounts> {
  const counts = new Map<string, ProbeCounts>();
  let from = text.startsWith(METRIC) ? 0 : text.indexOf(`\n${METRIC}`) + 1;
  for (let lines = 0; lines < LINES_MAX; lines++) {
    if (!text.startsWith(METRIC, from)) break;
    const end = text.indexOf('\n', from);
    // What is cut off may have lost digits of its number.
    if (end < 0) break;
    addLine(counts, text.slice(from + METRIC.length, end));
    from = text.startsWith(METRIC, end + 1) ? end + 1 : text.indexOf(`\n${METRIC}`, end) + 1;
    if (from === 0) break;
  }
  return counts;
}

function addLine(counts: Map<string, ProbeCounts>, line: string): void {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  let read = 0;
  for (let found = LABEL.exec(line); found; found = LABEL.exec(line)) {
    labels.set(found[1] ?? '', found[2] ?? '');
    read = LABEL.lastIndex;
  }
  const value = /^\} (\S+)/.exec(line.slice(read))?.[1];
  const count = Number(value);
  const type = labels.get('probe_type')?.toLowerCase();
  const podUid = labels.get('pod_uid');
  const container = labels.get('container');
  if (value === undefined || !Number.isFinite(count) || !podUid || !container) return;
  if (type !== 'liveness' && type !== 'readiness' && type !== 'startup') return;
  const key = probeKey(podUid, container, type);
  const one = counts.get(key) ?? { failed: 0, successful: 0 };
  if (labels.get('result') === 'failed') one.failed = count;
  else if (labels.get('result') === 'successful') one.successful = count;
  counts.set(key, one);
}
