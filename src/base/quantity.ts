/** Suffixes of k8s.io/apimachinery/pkg/api/resource; `m` is a thousandth. */
const SUFFIX: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A quantity of bytes as the API and the kubelet write it: besides `256Mi` and `1G` also
 * `134217728000m` and `1e9`; a fraction of a byte counts as a whole one. Undefined for anything
 * else. What people write in files of ours is read by parseBytes, which takes less.
 */
export function parseQuantityBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,3})|([mkMGTPE]|[KMGTPE]i))?$/.exec(text);
  if (!match) return undefined;
  const amount = Number(`${match[1]}${match[2] ?? ''}`);
  const bytes = Math.ceil(amount * (SUFFIX[match[3] ?? ''] ?? Number.NaN));
  return Number.isFinite(bytes) ? bytes : undefined;
}
