import { describe, expect, it } from '@jest/globals';
import { effectiveTimeoutSeconds } from '../../src/kube/index.ts';
import { readKubeletConfig } from '../../src/kube/kubelet-config.ts';

describe('the timeout to ask the kubelet for', () => {
  it.each([
    { situation: 'a shorter wish does not lower it', wanted: 30_000, runtime: 120_000, gives: 120 },
    { situation: 'a longer wish raises it', wanted: 600_000, runtime: 120_000, gives: 600 },
    { situation: 'a part of a second is a whole one', wanted: 600_001, runtime: 0, gives: 601 },
    { situation: 'nothing is at least a second', wanted: 0, runtime: 0, gives: 1 },
    { situation: 'the server cuts after 4 h', wanted: 1e9, runtime: 120_000, gives: 14_400 },
  ])('$situation', ({ wanted, runtime, gives }) => {
    expect(effectiveTimeoutSeconds(wanted, runtime)).toBe(gives);
  });
});

describe('the running configuration of the kubelet', () => {
  it('is read from configz', () => {
    const kubeletconfig = {
      runtimeRequestTimeout: '2m30s',
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      cgroupDriver: 'systemd',
      cgroupRoot: '/',
      evictionHard: { 'nodefs.available': '10%', odd: 7 },
    };
    expect(readKubeletConfig({ kubeletconfig }, 'https://n1:10250')).toEqual({
      runtimeRequestTimeoutMs: 150_000,
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      cgroupDriver: 'systemd',
      cgroupRoot: '/',
      evictionHard: { 'nodefs.available': '10%' },
    });
  });

  it('falls to the default of the kubelet where nothing is said', () => {
    const config = readKubeletConfig({ kubeletconfig: { runtimeRequestTimeout: '0s' } }, 'x');
    expect(config).toMatchObject({ runtimeRequestTimeoutMs: 120_000, evictionHard: {} });
  });

  it('refuses an answer that is something else', () => {
    expect(() => readKubeletConfig([], 'https://n1:10250')).toThrow(/https:\/\/n1:10250\/configz/);
  });
});
