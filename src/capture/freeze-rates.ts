import type { BackendName } from '../signal/index.ts';
import type { Store } from '../store/index.ts';
import type { FreezeCosts } from './backend.ts';
import { type FreezeSample, isRate, learnFrom } from './freeze-model.ts';

/** How long this node makes a container stand still, learnt per backend. */
export interface FreezeRates {
  /** The costs to predict with: the given ones until something is learnt. */
  costs(backend: BackendName, unlearnt: FreezeCosts): FreezeCosts & { learnt: boolean };
  /** Takes a finished capture into account. Writes to the store, so never while frozen. */
  learn(backend: BackendName, sample: FreezeSample, unlearnt: FreezeCosts): void;
}

/** What is kept; the fixed part is the backend's own. */
type LearntRates = Pick<FreezeCosts, 'bytesPerSecond' | 'layerBytesPerSecond'>;

/** Keeps the rates in the table `setting`, one row a backend. A row that cannot be read is new. */
export function createFreezeRates(store: Store): FreezeRates {
  const known = new Map<BackendName, LearntRates | undefined>();
  const read = (backend: BackendName) => {
    if (!known.has(backend)) known.set(backend, load(store, backend));
    return known.get(backend);
  };
  return {
    costs(backend, unlearnt) {
      const rates = read(backend);
      return { ...unlearnt, ...rates, learnt: rates !== undefined };
    },
    learn(backend, sample, unlearnt) {
      const next = learnFrom({ ...unlearnt, ...read(backend) }, sample);
      if (!next) return;
      const { bytesPerSecond, layerBytesPerSecond } = next;
      const rates: LearntRates = { bytesPerSecond, layerBytesPerSecond };
      known.set(backend, rates);
      store.run(
        `INSERT INTO setting (name, document) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET document = excluded.document`,
        settingName(backend),
        JSON.stringify(rates),
      );
    },
  };
}

function settingName(backend: BackendName): string {
  return `freeze-rate/${backend}`;
}

function load(store: Store, backend: BackendName): LearntRates | undefined {
  const row = store.get('SELECT document FROM setting WHERE name = ?', settingName(backend));
  if (!row) return undefined;
  try {
    const stored = JSON.parse(String(row.document)) as Partial<LearntRates>;
    const { bytesPerSecond, layerBytesPerSecond } = stored;
    if (!isRate(bytesPerSecond) || !isRate(layerBytesPerSecond)) return undefined;
    return { bytesPerSecond, layerBytesPerSecond };
  } catch {
    // What cannot be read is learnt again.
    return undefined;
  }
}
