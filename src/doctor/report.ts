import { checks } from './checks.ts';
import type { Line } from './line.ts';
import type { Outside } from './outside.ts';
import { runChecks } from './run.ts';
import { verdict } from './verdict.ts';

/** All that was found on one node; the last line is the verdict. */
export interface DoctorReport {
  node: string;
  version: string;
  lines: readonly Line[];
}

/**
 * Looks at everything; takes as long as the slowest check. What a canary has shown comes before it,
 * so that its capture counts as a proof. Never rejects.
 */
export async function runDoctor(
  outside: Outside,
  canary: () => Promise<readonly Line[]> = async () => [],
): Promise<DoctorReport> {
  const { config, version, clock } = outside;
  const shown = await canary();
  const lines = await runChecks(checks, outside, clock);
  return withLines({ node: config.node, version, lines }, shown);
}

/** The report with further lines, and a verdict on all of them. Pure. */
export function withLines(report: DoctorReport, more: readonly Line[]): DoctorReport {
  const before = report.lines.filter(({ check }) => check !== 'verdict');
  const lines = [...before, ...more];
  return { ...report, lines: [...lines, verdict(lines)] };
}

/** 0 when nothing failed; warnings are no failure. */
export function exitCodeOf(reports: readonly Pick<DoctorReport, 'lines'>[]): number {
  const lines = reports.flatMap((report) => report.lines);
  return lines.some(({ state }) => state === 'fail') ? 1 : 0;
}
