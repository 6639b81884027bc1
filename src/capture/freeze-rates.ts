import type { Logger } from '../base/index.ts';
import type { BackendName } from '../signal/index.ts';
import { readSetting, type Store, writeSetting } from '../store/index.ts';
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

/** Keeps the rates in the table `setting`, one row a backend. A row that cannot be read is told, and new. */
export function createFreezeRates(store: Store, log: Logger): FreezeRates {
  const known = new Map<BackendName, LearntRates | undefined>();
  const read = (backend: BackendName) => {
    if (!known.has(backend)) known.set(backend, load(store, backend, log));
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
      writeSetting(store, settingName(backend), rates);
    },
  };
}

function settingName(backend: BackendName): string {
  return `freeze-rate/${backend}`;
}

function load(store: Store, backend: BackendName, log: Logger): LearntRates | undefined {
  const then = 'it is learnt again';
  try {
    const stored = readSetting(store, settingName(backend));
    if (stored === undefined) return undefined;
    const { bytesPerSecond, layerBytesPerSecond } = stored as Partial<LearntRates>;
    if (isRate(bytesPerSecond) && isRate(layerBytesPerSecond)) {
      return { bytesPerSecond, layerBytesPerSecond };
    }
    log.warn('freeze-rate-unreadable', { backend, stored, then });
  } catch (error) {
    log.warn('freeze-rate-unreadable', { backend, error, then });
  }
  return undefined;
}
