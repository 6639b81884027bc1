import { checks } from './checks.ts';
import type { Line } from './line.ts';
import type { Outside } from './outside.ts';
import { runChecks } from './run.ts';
import { verdict } from './verdict.ts';

/** All that was found on one node. */
export interface DoctorReport {
  node: string;
  version: string;
  lines: readonly Line[];
}

/** Looks at everything; takes as long as the slowest check. Never rejects. */
export async function runDoctor(outside: Outside): Promise<DoctorReport> {
  const { config, version, clock } = outside;
  const lines = await runChecks(checks, outside, clock);
  return { node: config.node, version, lines: [...lines, verdict(lines)] };
}

/** 0 when nothing failed; warnings are no failure. */
export function exitCodeOf({ lines }: Pick<DoctorReport, 'lines'>): number {
  return lines.some(({ state }) => state === 'fail') ? 1 : 0;
}
