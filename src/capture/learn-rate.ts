import type { BackendName } from '../signal/index.ts';
import type { Store } from '../store/index.ts';
import type { FreezeCosts } from './backend.ts';

/** What this node has taught about one backend; goes into the table `setting` as JSON. */
export interface LearntRate {
  bytesPerSecond: number;
  samples: number;
}

/** How fast this node freezes, copies and thaws, one rate a backend. */
export interface FreezeRates {
  /** The costs to predict with; the backend's own until something is learnt. */
  costs(backend: BackendName, unlearnt: FreezeCosts): FreezeCosts & { learnt: boolean };
  /** Takes a finished capture into account. Writes to the store, so never while frozen. */
  learn(
    backend: BackendName,
    seen: { bytes: number; frozenMs: number },
    unlearnt: FreezeCosts,
  ): void;
}

/** Weight of the newest sample: half of what is known comes from the last two captures. */
const WEIGHT = 0.3;

/** Under this size the fixed part outweighs the copy, and the rate would be noise. */
const SAMPLE_BYTES_MIN = 32 * 1024 * 1024;

/** No machine is slower or faster; a sample outside is a clock jump or a suspended machine. */
const RATE_MIN = 1e6;
const RATE_MAX = 20e9;

/**
 * The next estimate, an exponentially weighted mean. Undefined when the sample teaches nothing:
 * too small, or outside of what can be.
 */
export function nextRate(
  known: LearntRate | undefined,
  seen: { bytes: number; frozenMs: number },
  unlearnt: FreezeCosts,
): LearntRate | undefined {
  const copyMs = seen.frozenMs - unlearnt.fixedMs;
  if (seen.bytes < SAMPLE_BYTES_MIN || copyMs <= 0) return undefined;
  const sample = (seen.bytes * 1_000) / copyMs;
  if (sample < RATE_MIN || sample > RATE_MAX) return undefined;
  const before = known?.bytesPerSecond ?? unlearnt.bytesPerSecond;
  return {
    bytesPerSecond: before + WEIGHT * (sample - before),
    samples: (known?.samples ?? 0) + 1,
  };
}

/** Keeps the rates in the table `setting`, one row a backend. A row that cannot be read is new. */
export function createFreezeRates(store: Store): FreezeRates {
  const known = new Map<BackendName, LearntRate | undefined>();
  const read = (backend: BackendName) => {
    if (!known.has(backend)) known.set(backend, load(store, backend));
    return known.get(backend);
  };
  return {
    costs(backend, unlearnt) {
      const rate = read(backend);
      if (!rate) return { ...unlearnt, learnt: false };
      return { ...unlearnt, bytesPerSecond: rate.bytesPerSecond, learnt: true };
    },
    learn(backend, seen, unlearnt) {
      const next = nextRate(read(backend), seen, unlearnt);
      if (!next) return;
      known.set(backend, next);
      store.run(
        `INSERT INTO setting (name, document) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET document = excluded.document`,
        settingName(backend),
        JSON.stringify(next),
      );
    },
  };
}

function settingName(backend: BackendName): string {
  return `freeze-rate/${backend}`;
}

function load(store: Store, backend: BackendName): LearntRate | undefined {
  const row = store.get('SELECT document FROM setting WHERE name = ?', settingName(backend));
  if (!row) return undefined;
  try {
    const { bytesPerSecond, samples } = JSON.parse(String(row.document)) as Partial<LearntRate>;
    const sane = Number(bytesPerSecond) >= RATE_MIN && Number(bytesPerSecond) <= RATE_MAX;
    if (!sane || !Number.isInteger(samples)) return undefined;
    return { bytesPerSecond: Number(bytesPerSecond), samples: Number(samples) };
  } catch {
    // What cannot be read is learnt again.
    return undefined;
  }
}
