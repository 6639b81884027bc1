import { describe, expect, it } from '@jest/globals';
import { createCaptureSide } from '../../src/agent/capture-side.ts';
import { loadAgentConfig } from '../../src/agent/config.ts';
import { createRandom, silentLogger } from '../../src/base/index.ts';
import { openStore } from '../../src/store/index.ts';
import { fireOn, targetOf } from '../support/decisions.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { createHeardFacts, createTestDispatcher } from './support/parts.ts';

const tempDir = useTempDirs();

/** An agent died with one trigger in its queue; its successor begins to recover. */
async function recovering() {
  const clock = createFakeClock();
  const store = openStore(':memory:');
  createTestDispatcher(clock, undefined, store).offer(fireOn(targetOf('a')));
  const config = await loadAgentConfig({ checkpointsDir: tempDir() }, {});
  const { facts } = createHeardFacts(clock);
  const unused = {} as never;
  const side = createCaptureSide({
    config: { ...config, limits: { ...config.limits, capturesPerHour: 1 } },
    clients: { api: unused, kubelet: unused, runtime: unused, close: async () => undefined },
    store,
    facts,
    podOf: () => undefined,
    denyReason: () => undefined,
    mode: () => 'enforce',
    clock,
    random: createRandom(1),
    log: silentLogger,
  });
  side.beginRecovery();
  return side;
}

describe('what waited when the agent died', () => {
  it('counts for the hourly budget before any new decision comes', async () => {
    const { dispatcher } = await recovering();
    expect(dispatcher.status().waiting).toBe(1);
    expect(dispatcher.offer(fireOn(targetOf('b')))).toMatchObject({
      kind: 'refused',
      reason: 'budget',
    });
  });

  it('is joined by a new decision about the same container', async () => {
    const { dispatcher } = await recovering();
    expect(dispatcher.offer(fireOn(targetOf('a'))).kind).toBe('coalesced');
  });
});
