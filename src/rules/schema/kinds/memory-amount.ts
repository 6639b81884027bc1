import * as z from 'zod';
import { formatBytes, parseBytes, parsePercent, shaped } from '../../../base/index.ts';
import type { MemoryAmount } from '../../../signal/index.ts';

const NOUN = 'a percentage such as 10% or a size such as 500Mi';

/** Bounds of a share (0..1, both included) and the least size. */
interface AmountBounds {
  shareMin: number;
  shareMax: number;
  bytesMin: number;
}

/** "10%" of a capacity, or "500Mi": as the kubelet takes `memory.available`. */
export function memoryAmount(bounds: AmountBounds) {
  const { shareMin, shareMax, bytesMin } = bounds;
  const least = bytesMin > 0 ? `, or at least ${formatBytes(bytesMin)}` : '';
  const allowed = `${NOUN}: from ${shareMin * 100}% to ${shareMax * 100}%${least}`;
  const error = (issue: { input?: unknown }) =>
    issue.input === undefined ? `is missing; it must be ${NOUN}` : `must be ${NOUN}`;
  const checked = z.string({ error }).transform((text, context): MemoryAmount => {
    const amount = parseAmount(text);
    if (amount && isWithin(amount, bounds)) return amount;
    const message = amount ? 'is out of range' : `must be ${NOUN}`;
    context.issues.push({ code: 'custom', message, params: { allowed }, input: text });
    return z.NEVER;
  });
  return shaped(checked, {
    title: 'percentage or size',
    allowed,
    pattern: '^[0-9]+([.][0-9]+)?(%|k|K|M|G|T|Ki|Mi|Gi|Ti)?$',
    examples: ['10%', '500Mi'],
  });
}

function parseAmount(text: string): MemoryAmount | undefined {
  const share = parsePercent(text);
  if (share !== undefined) return { share };
  const bytes = parseBytes(text);
  return bytes === undefined ? undefined : { bytes };
}

function isWithin(amount: MemoryAmount, { shareMin, shareMax, bytesMin }: AmountBounds): boolean {
  if ('share' in amount) return amount.share >= shareMin && amount.share <= shareMax;
  return amount.bytes >= bytesMin && Number.isSafeInteger(amount.bytes);
}
