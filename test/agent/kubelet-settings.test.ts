import { describe, expect, it } from '@jest/globals';
import { createKubeletSettings } from '../../src/agent/kubelet-settings.ts';
import { StillpointError } from '../../src/base/index.ts';
import type { KubeletConfig } from '../../src/kube/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { settle } from './support/parts.ts';

function rig(answer: () => Promise<Partial<KubeletConfig>>) {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const state = { asked: 0, answer };
  const config = () => {
    state.asked++;
    return state.answer() as Promise<KubeletConfig>;
  };
  return { clock, lines, state, settings: createKubeletSettings({ config }, clock, log) };
}

const evictionHard = { 'nodefs.available': '10%' };
const away = async () => {
  throw new StillpointError({ code: 'unreachable', message: 'connection refused' });
};

describe("the kubelet's settings", () => {
  it('are asked for at the start and every ten minutes', async () => {
    const { clock, state, settings } = rig(async () => ({ evictionHard }));
    expect(settings.evictionHard()).toBeUndefined();
    settings.start();
    await settle();
    expect(settings.evictionHard()).toEqual(evictionHard);
    await clock.advance(600_000);
    expect(state.asked).toBe(2);
    settings.stop();
    expect(clock.waiting()).toBe(0);
  });

  it('are asked for again after half a minute, with one line a minute, while it is away', async () => {
    const { clock, state, settings, lines } = rig(away);
    settings.start();
    await settle();
    expect(settings.evictionHard()).toBeUndefined();
    for (let minutes = 0; minutes < 4; minutes++) await clock.advance(30_000);
    expect(state.asked).toBe(5);
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines[0]).toMatchObject({ level: 'warn', event: 'kubelet-config-unknown' });
    state.answer = async () => ({ evictionHard });
    await clock.advance(30_000);
    expect(settings.evictionHard()).toEqual(evictionHard);
    settings.stop();
  });

  it('that were known stay known when it goes away', async () => {
    const { clock, state, settings } = rig(async () => ({ evictionHard }));
    settings.start();
    await settle();
    state.answer = away;
    await clock.advance(600_000);
    expect(settings.evictionHard()).toEqual(evictionHard);
    settings.stop();
  });

  it('are not asked for again after a stop that came in the middle of a question', async () => {
    let answer: (config: Partial<KubeletConfig>) => void = () => undefined;
    const { clock, state, settings } = rig(() => new Promise((resolve) => (answer = resolve)));
    settings.start();
    settings.stop();
    answer({ evictionHard });
    await settle();
    expect(clock.waiting()).toBe(0);
    expect(state.asked).toBe(1);
  });
});
