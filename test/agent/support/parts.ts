import { createFacts, type Fact, type FactOf, type Facts } from '../../../src/agent/facts.ts';
import type { Archives, KeepRequest, KeepResult } from '../../../src/archive/index.ts';
import { type Clock, createRandom } from '../../../src/base/index.ts';
import { createDispatcher, type Dispatcher } from '../../../src/dispatch/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';

/** Facts that are kept, so that a test can look at all that was told, in order. */
export interface HeardFacts {
  facts: Facts;
  all: Fact[];
  kinds(): Fact['kind'][];
  of<K extends Fact['kind']>(kind: K): FactOf<K>[];
}

export function createHeardFacts(clock: Clock): HeardFacts {
  const facts = createFacts(clock, (error) => {
    throw error;
  });
  const all: Fact[] = [];
  facts.listen((fact) => all.push(fact));
  return {
    facts,
    all,
    kinds: () => all.map(({ kind }) => kind),
    of: <K extends Fact['kind']>(kind: K) =>
      all.filter((fact): fact is FactOf<K> => fact.kind === kind),
  };
}

/** A dispatcher over a store in memory; captures are the test's own. */
export function createTestDispatcher(
  clock: Clock,
  capture: Parameters<typeof createDispatcher>[0]['capture'] = async () => 'begun',
  store: Store = openStore(':memory:'),
): Dispatcher {
  return createDispatcher({
    store,
    clock,
    random: createRandom(3),
    capturesPerHourMax: 6,
    waitingMax: 32,
    capture,
  });
}

/** Promise chains run; no time passes. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Archives whose keep and adopt answer what the test says; everything else is out of reach. */
export function archivesThat(answers: {
  directory?: string;
  keep?: (request: KeepRequest, signal?: AbortSignal) => Promise<KeepResult>;
  adopt?: (name: string, request: Omit<KeepRequest, 'archivePath'>) => Promise<KeepResult>;
  giveUpImages?: Archives['giveUpImages'];
}): Archives {
  const refuse = async () => {
    throw new Error('not asked for in this test');
  };
  return {
    directory: '/checkpoints',
    keep: refuse,
    adopt: refuse,
    giveUpImages: refuse,
    ...answers,
  } as unknown as Archives;
}
