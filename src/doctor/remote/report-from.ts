import * as z from 'zod';
import { type ErrorCode, StillpointError } from '../../base/index.ts';
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

/** What kubectl says when it gets nowhere near the pod, and what that means. The edge. */
const NO_WAY_IN: readonly { words: RegExp; code: ErrorCode; means: string; hint: string }[] = [
  {
    words: /x509|certificate/i,
    code: 'tls-untrusted',
    means: 'the API server does not trust the certificate of the kubelet',
    hint: 'Give the kubelet one of the CA that the API server was told of.',
  },
  {
    words: /forbidden/i,
    code: 'forbidden',
    means: 'your kubeconfig may not go into pods',
    hint: 'Grant: apiGroups: [""], resources: ["pods/exec"], verbs: ["create"].',
  },
  {
    words: /error dialing backend|connection refused|no route to host|timeout|timed out/i,
    code: 'unreachable',
    means: 'the kubelet of the node does not answer the API server',
    hint: 'Does the kubelet run? See its log on the node.',
  },
];

/**
 * What the doctor in the pod printed. Pure. When there is no report, an error with the last words
 * of kubectl: `tls-untrusted`, `forbidden`, `unreachable`.
 */
export function reportFrom({ exitCode, stdout, stderr }: KubectlResult, pod: string): DoctorReport {
  const parsed = reportSchema.safeParse(jsonOf(stdout));
  if (parsed.success) return parsed.data;
  const words = ((stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '').slice(0, 1_024);
  const known = NO_WAY_IN.find((one) => one.words.test(words));
  const means = known?.means ?? `ended with ${exitCode} and no report`;
  throw new StillpointError({
    code: known?.code ?? 'unreachable',
    message: `kubectl exec ${pod}: ${means}: ${words}`,
    hint: `${known?.hint ?? 'Does the pod run, with the same version?'} ${onTheNode}`,
  });
}

const onTheNode = 'Without a way in, run doctor on the node itself (docs/doctor.md).';

function jsonOf(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    // No JSON is no report; the caller says what came instead.
    return undefined;
  }
}
