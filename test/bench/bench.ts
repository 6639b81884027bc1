import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../structure/source-tree.ts';

/** One line of a bench's output; `npm run bench -- NAME` prints one JSON object a line. */
export interface BenchLine {
  bench: string;
  case: string;
  unit: string;
  median: number;
  min: number;
  max: number;
  p99?: number;
  n: number;
  /** `lab`: a real node. `sim`: the simulated one. `machine`: neither is involved. */
  where: 'lab' | 'sim' | 'machine';
  versions: Record<string, string>;
}

/** A bench gives its lines one by one, as soon as each is measured. `args` follow its name. */
export type Bench = (
  say: (progress: string) => void,
  args: readonly string[],
) => AsyncIterable<BenchLine>;

/** Summarises samples; `versions` tells the machine and whatever else was measured with. */
export function summarise(
  what: Pick<BenchLine, 'bench' | 'case' | 'unit' | 'where'>,
  samples: readonly number[],
  versions: Record<string, string> = {},
): BenchLine {
  const sorted = [...samples].sort((left, right) => left - right);
  const at = (share: number) =>
    round(
      sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ??
        Number.NaN,
    );
  return {
    ...what,
    median: at(0.5),
    min: at(0),
    max: at(1),
    ...(sorted.length >= 100 ? { p99: at(0.99) } : {}),
    n: sorted.length,
    versions: { ...machineVersions(), ...versions },
  };
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}

function machineVersions(): Record<string, string> {
  const parsed = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    stillpoint: parsed.version,
    node: process.version,
    kernel: release(),
    machine: `${arch()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}
