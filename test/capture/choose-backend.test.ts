import { describe, expect, it } from '@jest/globals';
import { chooseBackend } from '../../src/capture/choose-backend.ts';
import type { Availability, Backend } from '../../src/capture/index.ts';
import type { BackendChoice, BackendName } from '../../src/signal/index.ts';

const here: Availability = { kind: 'available', why: 'answers' };
const seenAway: Availability = { kind: 'doubtful', why: 'seen away' };
const away: Availability = { kind: 'absent', why: 'does not answer' };

function backend(name: BackendName, availability: Availability): Backend {
  return {
    name,
    choosesPath: name === 'cri',
    costs: { bytesPerSecond: 1, layerBytesPerSecond: 10e6, fixedMs: 0 },
    availability: () => Promise.resolve(availability),
    checkpoint: () => Promise.reject(new Error('not asked')),
  };
}

const kubelet = backend('kubelet', here);

describe('the backend for a capture', () => {
  it.each<[string, BackendChoice, Backend[], string, string]>([
    ['cri where it answers', 'auto', [kubelet, backend('cri', here)], 'cri', 'auto: cri: answers'],
    [
      'the kubelet where cri does not, and says so',
      'auto',
      [kubelet, backend('cri', away)],
      'kubelet',
      'auto: cri: does not answer; kubelet: answers',
    ],
    [
      'the kubelet where no socket is configured',
      'auto',
      [kubelet],
      'kubelet',
      'auto: cri: not configured; kubelet: answers',
    ],
    [
      'the kubelet where nothing else is there, though it was seen away',
      'auto',
      [backend('kubelet', seenAway), backend('cri', away)],
      'kubelet',
      'auto: cri: does not answer; kubelet: seen away',
    ],
    [
      'the one that the rule names, though it was seen away',
      'kubelet',
      [backend('kubelet', seenAway), backend('cri', here)],
      'kubelet',
      'the rule asks for kubelet',
    ],
    [
      'the one that the rule names',
      'kubelet',
      [kubelet, backend('cri', here)],
      'kubelet',
      'the rule asks for kubelet',
    ],
  ])('is %s', async (_, choice, backends, name, reason) => {
    const chosen = await chooseBackend(choice, backends);
    expect(chosen).toMatchObject({ kind: 'chosen', backend: { name }, reason });
  });

  it('is none when the rule names one that is absent, whatever else is there', async () => {
    const chosen = await chooseBackend('cri', [kubelet, backend('cri', away)]);
    expect(chosen).toEqual({ kind: 'none', detail: 'cri: does not answer' });
  });

  it('is none when nothing is there, and names both', async () => {
    expect(await chooseBackend('auto', [])).toEqual({
      kind: 'none',
      detail: 'cri: not configured; kubelet: not configured',
    });
  });
});
