import * as z from 'zod';
import { StillpointError } from '../../base/index.ts';
import type { DoctorReport } from '../report.ts';
import type { KubectlResult } from './kubectl.ts';

const text = z.string().max(16_384);

const reportSchema = z.object({
  node: text,
  version: text,
  lines: z
    .array(
      z.object({
        check: text,
        state: z.enum(['ok', 'warn', 'fail', 'skipped']),
        code: text,
        what: text,
        next: text.optional(),
      }),
    )
    .max(1_000),
});

/**
 * What the doctor in the pod printed. Pure. Error: `unreachable` when there is no report, with the
 * last words of kubectl.
 */
export function reportFrom({ exitCode, stdout, stderr }: KubectlResult, pod: string): DoctorReport {
  const parsed = reportSchema.safeParse(jsonOf(stdout));
  if (parsed.success) return parsed.data;
  const words = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
  throw new StillpointError({
    code: 'unreachable',
    message: `kubectl exec ${pod} ended with ${exitCode} and no report: ${words.slice(0, 1_024)}`,
    hint: 'Does the pod run, may you create pods/exec there, and is its version the same?',
  });
}

function jsonOf(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    // No JSON is no report; the caller says what came instead.
    return undefined;
  }
}
