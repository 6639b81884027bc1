/** The younger sample and the one it is compared with are at least this far apart. */
const SPAN_MS_MIN = 30;
/** What is older says nothing about now. */
const AGE_MS_MAX = 500;
/** Enough for SPAN_MS_MIN at a sample each millisecond or two. */
const SAMPLES_MAX = 32;

/** Growth of one number over its last samples, in a ring that never grows. */
export interface Growth {
  push(atMs: number, bytes: number): void;
  /** Bytes a second from the youngest sample that is 30 ms old; undefined before there is one. */
  bytesPerSecond(): number | undefined;
}

/** The kernel charges memory in batches, so two samples 5 ms apart would mostly show noise. */
export function createGrowth(): Growth {
  const times = new Float64Array(SAMPLES_MAX).fill(Number.NEGATIVE_INFINITY);
  const values = new Float64Array(SAMPLES_MAX);
  let last = 0;
  return {
    push(atMs, bytes) {
      last = (last + 1) % SAMPLES_MAX;
      times[last] = atMs;
      values[last] = bytes;
    },
    bytesPerSecond() {
      const nowMs = times[last] ?? 0;
      for (let back = 1; back < SAMPLES_MAX; back++) {
        const index = (last - back + SAMPLES_MAX) % SAMPLES_MAX;
        const spanMs = nowMs - (times[index] ?? 0);
        if (!(spanMs <= AGE_MS_MAX)) return undefined;
        if (spanMs >= SPAN_MS_MIN) {
          return (((values[last] ?? 0) - (values[index] ?? 0)) / spanMs) * 1_000;
        }
      }
      return undefined;
    },
  };
}
