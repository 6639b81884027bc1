import { formatDuration } from '../../base/index.ts';
import type { SeenCertificate } from '../../kube/index.ts';
import { type Finding, fail, warn } from '../line.ts';

const SOON_MS = 7 * 86_400_000;

/** A line for a certificate that is out of its time, or soon will be; undefined when it is not. */
export function expiryFinding(
  whose: string,
  { validFromMs, validToMs }: SeenCertificate,
  nowMs: number,
): Finding | undefined {
  if (nowMs >= validToMs) {
    const what = `the certificate of ${whose} expired at ${instant(validToMs)}`;
    return fail('expired', what, 'Renew it, or set the clock of this node if that is wrong.');
  }
  if (nowMs < validFromMs) {
    const what = `the certificate of ${whose} counts from ${instant(validFromMs)} only`;
    return fail('not-yet-valid', what, 'Set the clock of this node.');
  }
  if (validToMs - nowMs >= SOON_MS) return undefined;
  const what = `the certificate of ${whose} expires in ${formatDuration(validToMs - nowMs)}`;
  return warn('expires-soon', what, 'See that it is renewed.');
}

/** The second of it, in UTC. */
export function instant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
