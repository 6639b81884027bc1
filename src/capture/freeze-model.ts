import type { FreezeCosts } from './backend.ts';

/** Bytes that are copied while a container stands still. */
export interface FreezeBytes {
  /** What CRIU writes: memory that no file backs. */
  imageBytes: number;
  /** Changes in the container's own file system. */
  layerBytes: number;
}

/** A capture that was measured. */
export interface FreezeSample extends FreezeBytes {
  frozenMs: number;
}

/** How long a container would stand still, ms. Pure, like all here. */
export function predictFreezeMs(costs: FreezeCosts, bytes: FreezeBytes): number {
  return Math.round(costs.fixedMs + imageMs(costs, bytes) + layerMs(costs, bytes));
}

/** Weight of the newest sample: half of what is known comes from the last two captures. */
const WEIGHT = 0.3;

/** Under this size the fixed part outweighs the copy, and the rate would be noise. */
const SAMPLE_BYTES_MIN = 32 * 1024 * 1024;

/** A sample teaches the rate of the part that takes at least this share of the prediction. */
const SHARE_MIN = 0.75;

/** No machine is slower or faster; a sample outside is a clock jump or a suspended machine. */
const RATE_MIN = 1e6;
const RATE_MAX = 20e9;

/**
 * The costs after one more capture, exponentially weighted. A sample teaches one of the two rates:
 * that of the part which was most of the work. Undefined when it teaches nothing: small, mixed, or
 * outside of what can be.
 */
export function learnFrom(known: FreezeCosts, sample: FreezeSample): FreezeCosts | undefined {
  const memoryMs = imageMs(known, sample);
  const filesMs = layerMs(known, sample);
  const share = memoryMs / (memoryMs + filesMs);
  if (share >= SHARE_MIN) {
    const copyMs = sample.frozenMs - known.fixedMs - filesMs;
    const rate = nextRate(known.bytesPerSecond, sample.imageBytes, copyMs);
    return rate === undefined ? undefined : { ...known, bytesPerSecond: rate };
  }
  if (share <= 1 - SHARE_MIN) {
    const packMs = sample.frozenMs - known.fixedMs - memoryMs;
    const rate = nextRate(known.layerBytesPerSecond, sample.layerBytes, packMs);
    return rate === undefined ? undefined : { ...known, layerBytesPerSecond: rate };
  }
  return undefined;
}

/** True for a rate that a machine can have; what is stored is checked with it, too. */
export function isRate(value: unknown): value is number {
  return typeof value === 'number' && value >= RATE_MIN && value <= RATE_MAX;
}

function nextRate(before: number, bytes: number, ms: number): number | undefined {
  const seen = (bytes * 1_000) / ms;
  if (bytes < SAMPLE_BYTES_MIN || ms <= 0 || !isRate(seen)) return undefined;
  return before + WEIGHT * (seen - before);
}

function imageMs(costs: FreezeCosts, { imageBytes }: FreezeBytes): number {
  return (imageBytes * 1_000) / costs.bytesPerSecond;
}

function layerMs(costs: FreezeCosts, { layerBytes }: FreezeBytes): number {
  return (layerBytes * 1_000) / costs.layerBytesPerSecond;
}
