import { describe, expect, it } from '@jest/globals';
import { createFreezeRates } from '../../src/capture/index.ts';
import { nextRate } from '../../src/capture/learn-rate.ts';
import { openStore } from '../../src/store/index.ts';

const unlearnt = { bytesPerSecond: 100e6, fixedMs: 200 };

describe('what one capture teaches', () => {
  it('moves the estimate a third of the way, without the fixed part', () => {
    const seen = { bytes: 200e6, frozenMs: 1_200 };
    expect(nextRate(undefined, seen, unlearnt)).toEqual({ bytesPerSecond: 130e6, samples: 1 });
  });

  it.each([
    ['a small container', { bytes: 1e6, frozenMs: 300 }],
    ['a stop shorter than the fixed part', { bytes: 200e6, frozenMs: 200 }],
    ['a rate that no machine has', { bytes: 200e9, frozenMs: 201 }],
    ['a machine that was suspended', { bytes: 200e6, frozenMs: 3_600_000 }],
  ])('is nothing for %s', (_, seen) => {
    expect(nextRate(undefined, seen, unlearnt)).toBeUndefined();
  });
});

describe('the rates of a node', () => {
  it('are the own ones of the backend until something is learnt, and survive a restart', () => {
    const store = openStore(':memory:');
    const rates = createFreezeRates(store);
    expect(rates.costs('cri', unlearnt)).toEqual({ ...unlearnt, learnt: false });
    rates.learn('cri', { bytes: 200e6, frozenMs: 1_200 }, unlearnt);
    const again = createFreezeRates(store);
    expect(again.costs('cri', unlearnt)).toEqual({
      bytesPerSecond: 130e6,
      fixedMs: 200,
      learnt: true,
    });
    expect(again.costs('kubelet', unlearnt).learnt).toBe(false);
    store.close();
  });

  it('are learnt anew when what was stored cannot be', () => {
    const store = openStore(':memory:');
    for (const document of ['{', '{"bytesPerSecond":-1,"samples":3}', '{}']) {
      store.run(
        "INSERT OR REPLACE INTO setting (name, document) VALUES ('freeze-rate/cri', ?)",
        document,
      );
      expect(createFreezeRates(store).costs('cri', unlearnt).learnt).toBe(false);
    }
    store.close();
  });
});
