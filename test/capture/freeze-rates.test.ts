import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../src/base/index.ts';
import { createFreezeRates, type FreezeCosts } from '../../src/capture/index.ts';
import { openStore } from '../../src/store/index.ts';
import { createRecordingLog } from '../support/recording-log.ts';

const unlearnt: FreezeCosts = { bytesPerSecond: 100e6, layerBytesPerSecond: 10e6, fixedMs: 200 };
const sample = { imageBytes: 200e6, layerBytes: 0, frozenMs: 1_200 };

describe('the rates of a node', () => {
  it('are the own ones of the backend until something is learnt, and survive a restart', () => {
    const store = openStore(':memory:');
    const rates = createFreezeRates(store, silentLogger);
    expect(rates.costs('cri', unlearnt)).toEqual({ ...unlearnt, learnt: false });
    rates.learn('cri', sample, unlearnt);
    const again = createFreezeRates(store, silentLogger);
    expect(again.costs('cri', unlearnt)).toEqual({
      ...unlearnt,
      bytesPerSecond: 130e6,
      learnt: true,
    });
    expect(again.costs('kubelet', unlearnt).learnt).toBe(false);
    store.close();
  });

  it('are not written when a capture teaches nothing', () => {
    const store = openStore(':memory:');
    createFreezeRates(store, silentLogger).learn('cri', { ...sample, imageBytes: 1 }, unlearnt);
    expect(store.all('SELECT * FROM setting')).toEqual([]);
    store.close();
  });

  it('are learnt anew when what was stored cannot be, and somebody is told', () => {
    const store = openStore(':memory:');
    const { log, lines } = createRecordingLog();
    for (const document of ['{', '{"bytesPerSecond":-1,"layerBytesPerSecond":1e8}', '{}']) {
      store.run(
        "INSERT OR REPLACE INTO setting (name, document) VALUES ('freeze-rate/cri', ?)",
        document,
      );
      expect(createFreezeRates(store, log).costs('cri', unlearnt).learnt).toBe(false);
    }
    expect(lines.map(({ event }) => event)).toEqual(Array(3).fill('freeze-rate-unreadable'));
    store.close();
  });
});
