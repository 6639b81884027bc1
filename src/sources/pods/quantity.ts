import { parseBytes } from '../../base/index.ts';

const LARGE_SUFFIX: Record<string, number> = { P: 1e15, E: 1e18, Pi: 2 ** 50, Ei: 2 ** 60 };

/**
 * A memory quantity as the API writes it: besides `256Mi` and `1G` also `134217728000m`, `1e9` and
 * the suffixes P and E (k8s.io/apimachinery/pkg/api/resource). Undefined for anything else.
 */
export function parseQuantityBytes(text: string): number | undefined {
  const plain = parseBytes(text);
  if (plain !== undefined) return plain;
  const match = /^(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,3})|(m|P|E|Pi|Ei))?$/.exec(text);
  if (!match) return undefined;
  const amount = Number(`${match[1]}${match[2] ?? ''}`);
  const factor = match[3] === 'm' ? 0.001 : (LARGE_SUFFIX[match[3] ?? ''] ?? 1);
  const bytes = Math.ceil(amount * factor);
  return Number.isFinite(bytes) ? bytes : undefined;
}
