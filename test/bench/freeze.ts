import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { isInsideLab } from '../lab/layout.ts';
import { deletePod, labInfo, nodeOf, podLogs, startWorkPod, waitFor } from '../lab/lib/index.ts';
import { type Path, type PathAgent, paths, startPathAgent } from '../lab/rig/capture-paths.ts';
import { emptyCheckpoints } from '../lab/rig/lab-agent.ts';
import { type BenchLine, summarise } from './bench.ts';
import { AIM_MIB_MIN, judgeAims, type Medians, type Verdict } from './freeze/aims.ts';
import { type Load, nameOf, podOf } from './freeze/loads.ts';
import { type Measured, measure } from './freeze/measure.ts';
import { benchInLab } from './lab.ts';

const SIZES_MIB = [64, 256, 1_024, 2_500];
/** Of the row with many file system changes. */
const FILES_SIZE_MIB = 1_024;
const RUNS = 3;

interface Wish {
  loads: readonly Load[];
  paths: readonly Path[];
  runs: number;
}

/**
 * How long a container stands still, how long a capture takes, and how much disk it needs, on every
 * path to the same archive: the real agent on a real node, from the alert to the record. Brings its
 * own lab up and takes it down. `--sizes 64,1024 --paths kubelet,containerd-calm --runs 1
 * --files random,text` choose; `--files none` leaves the rows with file system changes out.
 */
export async function* bench(
  say: (progress: string) => void,
  args: readonly string[],
): AsyncIterable<BenchLine> {
  const wish = wishFrom(args);
  if (!isInsideLab()) return benchInLab('freeze', args, { full: false });
  const node = nodeOf(labInfo());
  emptyCheckpoints(node);
  const agent = await startPathAgent({ keepLast: 1 });
  const verdicts: Verdict[] = [];
  try {
    for (const load of wish.loads) yield* benchLoad({ say, agent, wish, verdicts }, load);
  } finally {
    await agent.stop();
  }
  for (const { aim, reached, detail } of verdicts) {
    say(`freeze: ${reached ? 'REACHED    ' : 'NOT REACHED'} ${aim}: ${detail}`);
  }
}

function wishFrom(args: readonly string[]): Wish {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: 'string', default: SIZES_MIB.join(',') },
      paths: { type: 'string', default: paths.join(',') },
      files: { type: 'string', default: 'random,text' },
      runs: { type: 'string', default: String(RUNS) },
    },
  });
  const sizes = listOf('--sizes', values.sizes, (text) => {
    const size = Number(text);
    return Number.isInteger(size) && size >= 1 ? size : undefined;
  });
  const kinds = listOf('--files', values.files, (text) =>
    (['none', 'random', 'text'] as const).find((kind) => kind === text),
  );
  const [runs = RUNS] = listOf('--runs', values.runs, (text) =>
    /^[1-9]\d?$/.test(text) ? Number(text) : undefined,
  );
  return {
    loads: [
      ...sizes.map((sizeMiB) => ({ sizeMiB, files: 'few' }) as const),
      ...kinds.flatMap((files) => (files === 'none' ? [] : [{ sizeMiB: FILES_SIZE_MIB, files }])),
    ],
    paths: listOf('--paths', values.paths, (text) => paths.find((path) => path === text)),
    runs,
  };
}

function listOf<T>(flag: string, text: string, read: (item: string) => T | undefined): T[] {
  return text
    .split(',')
    .filter((item) => item !== '')
    .map((item) => {
      const value = read(item);
      if (value !== undefined) return value;
      throw new Error(`${flag} ${text}: "${item}" is not one of its values`);
    });
}

interface Bench {
  say(progress: string): void;
  agent: PathAgent;
  wish: Wish;
  verdicts: Verdict[];
}

/**
 * All paths in turn, then all again, each time another one first: what a machine does meanwhile, and
 * where on its disk the next archive comes to lie, is shared by all of them.
 */
async function* benchLoad(
  { say, agent, wish, verdicts }: Bench,
  load: Load,
): AsyncIterable<BenchLine> {
  const name = nameOf(load);
  say(`freeze: ${name}: filling`);
  const pod = podOf(load);
  const { id } = await startWorkPod(pod);
  await waitFor('its memory to be full', async () => /^full$/m.test(await podLogs(pod.name)), {
    timeoutMs: 300_000,
  });
  const measured = new Map<Path, Measured[]>();
  try {
    for (let run = 1; run <= wish.runs; run++) {
      for (const path of rotated(wish.paths, run)) {
        const one = await measure({ agent, path, pod: pod.name, containerId: id });
        measured.set(path, [...(measured.get(path) ?? []), one]);
        say(`freeze: ${name}, ${path}, run ${run} of ${wish.runs}: ${tell(one)}`);
      }
    }
  } finally {
    await deletePod(pod.name);
  }
  const kubelet = measured.get('kubelet');
  for (const [path, runs] of measured) {
    yield* linesOf(name, path, runs);
    if (kubelet === undefined || load.files !== 'few' || load.sizeMiB < AIM_MIB_MIN) continue;
    verdicts.push(...judgeAims(path, name, mediansOf(runs), mediansOf(kubelet)));
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function tell({ stopMs, stopsMs, wholeMs, peakBytes, record }: Measured): string {
  const ratio = peakBytes / record.pagesBytes;
  const stop = `stood still ${stopMs.toFixed(0)} ms (all gaps ${stopsMs.toFixed(0)})`;
  const disk = `disk ${(peakBytes / 1e6).toFixed(0)} MB (${ratio.toFixed(2)} × image)`;
  return `${stop}, whole ${wholeMs.toFixed(0)} ms, ${disk}; load ${loadavg()[0]?.toFixed(1)}`;
}

function* linesOf(name: string, path: Path, runs: readonly Measured[]): Iterable<BenchLine> {
  const [first] = runs;
  if (first === undefined) return;
  const { versions, cgroup } = labInfo();
  const { kubernetes = '', containerd = '', runc = '', criu = '' } = versions;
  const load = loadavg().map((share) => share.toFixed(1));
  const of = { kubernetes, containerd, runc, criu, cgroup: `v${cgroup.version}` };
  const told = { ...of, load: load.join(' ') };
  const line = (what: string, unit: string, of: (run: Measured) => number) =>
    summarise(
      { bench: 'freeze', case: `${name}, ${path}: ${what}`, unit, where: 'lab' },
      runs.map(of),
      told,
    );
  yield line('stood still', 'ms', ({ stopMs }) => stopMs);
  yield line('stood still, all gaps over 20 ms', 'ms', ({ stopsMs }) => stopsMs);
  yield line('whole time', 'ms', ({ wholeMs }) => wholeMs);
  yield line('peak disk', 'MB', ({ peakBytes }) => peakBytes / 1e6);
  yield line('peak disk', '× image', ({ peakBytes, record }) => peakBytes / record.pagesBytes);
  yield line('archive', 'MB', ({ record }) => record.bytes / 1e6);
  yield line('stood still, as recorded', 'ms', ({ record: { timings, dump } }) => {
    return dump?.stoodStillMs ?? timings.frozenMs ?? timings.criuFrozenMs ?? Number.NaN;
  });
}

function mediansOf(runs: readonly Measured[]): Medians {
  const of = (pick: (run: Measured) => number) =>
    summarise({ bench: '', case: '', unit: '', where: 'lab' }, runs.map(pick)).median;
  return {
    stopMs: of(({ stopMs }) => stopMs),
    wholeMs: of(({ wholeMs }) => wholeMs),
    peakBytes: of(({ peakBytes }) => peakBytes),
    imageBytes: of(({ record }) => record.pagesBytes),
  };
}
