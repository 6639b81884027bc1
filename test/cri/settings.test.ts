import { describe, expect, it } from '@jest/globals';
import { settingsFromWire } from '../../src/cri/from-wire.ts';

const ready = { type: 'RuntimeReady', status: true, reason: '', message: '' };

describe('what the runtime says of itself', () => {
  it.each([
    [
      'where containerd stores',
      { config: '{"containerdRootDir":"/var/lib/containerd","enableCRIU":true}' },
      '/var/lib/containerd',
    ],
    ['nothing, as CRI-O', { config: '{"sandboxImage":"x"}' }, undefined],
    ['nothing that is JSON', { config: 'toml = true' }, undefined],
    ['nothing at all', {}, undefined],
  ])('is %s', (_, info, rootDir) => {
    const status = { conditions: [ready] };
    expect(settingsFromWire({ status, info: info as Record<string, string> })).toEqual({
      rootDir,
      unmet: [],
    });
  });

  it('names the conditions that are not met, deprecations left out', () => {
    const network = {
      ...ready,
      type: 'NetworkReady',
      status: false,
      reason: 'NoCni',
      message: 'x',
    };
    const old = { ...ready, type: 'ContainerdHasNoDeprecationWarnings', status: false };
    const status = { conditions: [ready, network, old] };
    expect(settingsFromWire({ status, info: {} }).unmet).toEqual(['NetworkReady: NoCni x']);
    expect(settingsFromWire({ status: null, info: {} }).unmet).toEqual([]);
  });
});
