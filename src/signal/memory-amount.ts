/** Memory as a share of a capacity or in bytes, as the kubelet's eviction signals are given. */
export type MemoryAmount = { share: number } | { bytes: number };

/** In bytes, whole as the kubelet counts them. */
export function amountBytes(amount: MemoryAmount, capacityBytes: number): number {
  return 'bytes' in amount ? amount.bytes : Math.floor(capacityBytes * amount.share);
}
