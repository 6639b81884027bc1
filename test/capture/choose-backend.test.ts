import { describe, expect, it } from '@jest/globals';
import { chooseBackend } from '../../src/capture/choose-backend.ts';
import type { Availability, Backend } from '../../src/capture/index.ts';
import type { RuntimeContainerStatus } from '../../src/cri/index.ts';
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
const cri = backend('cri', here);
const containerd: Backend = {
  ...backend('containerd', here),
  leavesImages: true,
  objection: ({ setup }) => (setup ? undefined : 'runs under kata'),
};

const container: RuntimeContainerStatus = {
  ...{ id: 'a', name: 'app', attempt: 0, namespace: 'shop', pod: 'cart', podUid: 'uid' },
  ...{ createdAtMs: 0, state: 'running', startedAtMs: 0, image: '', imageRef: '', logPath: '' },
  evidence: () => ({ spec: {}, status: {} }),
};
const ofRunc: RuntimeContainerStatus = {
  ...container,
  setup: {
    runtimeType: 'io.containerd.runc.v2',
    runtimeOptions: {},
    snapshotter: 'overlayfs',
    snapshotKey: 'a',
    hasUserNamespace: false,
  },
};

describe('the backend for a capture', () => {
  it.each<[string, BackendChoice, Backend[], string, string]>([
    [
      'cri where containerd is not there',
      'auto',
      [kubelet, cri],
      'cri',
      'auto: containerd: not configured; cri: answers',
    ],
    [
      'the kubelet where cri does not, and says so',
      'auto',
      [kubelet, backend('cri', away)],
      'kubelet',
      'auto: containerd: not configured; cri: does not answer; kubelet: answers',
    ],
    [
      'the kubelet where no socket is configured',
      'auto',
      [kubelet],
      'kubelet',
      'auto: containerd: not configured; cri: not configured; kubelet: answers',
    ],
    [
      'the kubelet where nothing else is there, though it was seen away',
      'auto',
      [backend('kubelet', seenAway), backend('cri', away)],
      'kubelet',
      'auto: containerd: not configured; cri: does not answer; kubelet: seen away',
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

  it('is none when nothing is there, and names all', async () => {
    expect(await chooseBackend('auto', [])).toEqual({
      kind: 'none',
      detail: 'containerd: not configured; cri: not configured; kubelet: not configured',
    });
  });

  it('is containerd where it takes the container', async () => {
    expect(await chooseBackend('auto', [kubelet, cri, containerd], ofRunc)).toEqual({
      kind: 'chosen',
      backend: containerd,
      reason: 'auto: containerd: answers',
    });
  });

  it('is cri where containerd does not take the container, and says why', async () => {
    expect(await chooseBackend('auto', [kubelet, cri, containerd], container)).toMatchObject({
      backend: cri,
      reason: 'auto: containerd: the container runs under kata; cri: answers',
    });
  });

  it('is none where the rule names containerd, and it does not take the container', async () => {
    expect(await chooseBackend('containerd', [cri, containerd], container)).toEqual({
      kind: 'none',
      detail: 'containerd: the container runs under kata',
    });
  });

  it('leaves a container that the runtime does not know to the guard', async () => {
    expect(await chooseBackend('auto', [cri, containerd])).toMatchObject({ backend: containerd });
  });
});

describe('the question after a backend', () => {
  it('is asked beside that after the container', async () => {
    const told = Promise.withResolvers<RuntimeContainerStatus>();
    const availability = () => {
      told.resolve(ofRunc);
      return Promise.resolve(here);
    };
    const choice = await chooseBackend('auto', [{ ...containerd, availability }], told.promise);
    expect(choice).toMatchObject({ kind: 'chosen' });
  });
});
