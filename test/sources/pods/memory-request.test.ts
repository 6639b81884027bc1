import { describe, expect, it } from '@jest/globals';
import { podFactFromApi } from '../../../src/sources/pods/index.ts';

const MIB = 2 ** 20;
const asks = (memory: unknown) => ({ resources: { requests: { memory } } });

function factOf(spec: object) {
  const metadata = { namespace: 'shop', name: 'cart-0', uid: 'u-1' };
  return podFactFromApi({ metadata, spec });
}

describe('the memory that a pod asks for', () => {
  it.each<[string, object, number | undefined]>([
    ['is none without a request', { containers: [{}, { resources: {} }] }, undefined],
    ['is that of all its containers', { containers: [asks('64Mi'), asks('32Mi')] }, 96],
    [
      'counts sidecars, which go on running',
      {
        containers: [asks('64Mi')],
        initContainers: [{ ...asks('16Mi'), restartPolicy: 'Always' }],
      },
      80,
    ],
    [
      'is that of an init container where it asks for more than all the others',
      { containers: [asks('64Mi')], initContainers: [asks('256Mi'), asks('128Mi')] },
      256,
    ],
    [
      'adds the sidecars that run beside an init container',
      {
        containers: [asks('64Mi')],
        initContainers: [{ ...asks('16Mi'), restartPolicy: 'Always' }, asks('256Mi')],
      },
      272,
    ],
    ['is what the pod itself says', { ...asks('512Mi'), containers: [asks('64Mi')] }, 512],
    ['comes with the overhead', { containers: [asks('64Mi')], overhead: { memory: '8Mi' } }, 72],
    [
      'has no overhead without a request',
      { containers: [{}], overhead: { memory: '8Mi' } },
      undefined,
    ],
    ['takes a bare number', { containers: [asks(32 * MIB)] }, 32],
    ['is none where it cannot be read', { containers: [asks('lots'), asks(null)] }, undefined],
  ])('%s', (_, spec, mib) => {
    expect(factOf(spec)?.memoryRequestBytes).toBe(mib === undefined ? undefined : mib * MIB);
  });

  it('stands beside the priority, as admission filled it in', () => {
    expect(factOf({ priority: 1_000, containers: [] })?.priority).toBe(1_000);
    expect(factOf({ containers: [] })?.priority).toBeUndefined();
  });
});
