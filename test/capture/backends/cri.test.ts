import { describe, expect, it } from '@jest/globals';
import { type ErrorCode, StillpointError } from '../../../src/base/index.ts';
import { judgeCriError, judgeVersion } from '../../../src/capture/backends/cri.ts';
import { createCriBackend } from '../../../src/capture/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createFakeContainerState } from '../../support/fake-container-state.ts';

describe('whether a runtime can checkpoint', () => {
  it.each([
    ['containerd', 'v2.4.2', 'available'],
    ['containerd', '2.0.0', 'available'],
    ['containerd', '1.7.27', 'absent'],
    ['cri-o', '1.37.0', 'available'],
    ['cri-o', '1.24.6', 'absent'],
    ['docker', '20.10.0', 'available'],
    ['containerd', 'unknown', 'available'],
  ])('%s %s is %s', (name, version, kind) => {
    const answer = judgeVersion({ name, version });
    expect(answer.kind).toBe(kind);
    expect(answer.why).toContain(`${name} ${version}`);
  });
});

describe('what a failed call means', () => {
  const error = (code: ErrorCode, grpcText = 'words') =>
    new StillpointError({
      code,
      message: `CheckpointContainer: ${grpcText}`,
      details: { grpcText },
    });

  it.each<[ErrorCode, string, boolean]>([
    ['cancelled', 'cancelled', true],
    ['timeout', 'timeout', true],
    ['unreachable', 'unreachable', true],
    ['not-found', 'target-gone', false],
    ['unsupported', 'runtime-unsupported', false],
    ['runtime-failed', 'unknown', false],
  ])('%s is %s; may go on: %s', (code, failure, mayFinishLater) => {
    expect(judgeCriError(error(code), { timeoutMs: 1_000 }, false)).toEqual({
      kind: 'failed',
      failure,
      message: 'words',
      mayFinishLater,
    });
  });

  it('a cancel by our own time limit is a timeout', () => {
    expect(judgeCriError(error('cancelled'), { timeoutMs: 1_500 }, true)).toMatchObject({
      failure: 'timeout',
      message: 'no answer within 1.5 s',
    });
  });

  it('the words of the runtime are looked into', () => {
    const full = error('runtime-failed', 'write /x.tar: no space left on device');
    expect(judgeCriError(full, { timeoutMs: 1 }, false)).toMatchObject({ failure: 'disk-full' });
  });

  it('a mistake of ours is not swallowed', () => {
    expect(() => judgeCriError(new TypeError('x'), { timeoutMs: 1 }, false)).toThrow(TypeError);
  });
});

describe('availability', () => {
  it('is remembered for 10 s, absence is not', async () => {
    const clock = createFakeClock();
    const { runtime } = createFakeContainerState();
    const backend = createCriBackend({ runtime, clock });
    const answer = runtime.version;
    let asked = 0;
    runtime.version = () => {
      asked++;
      return Promise.reject(new StillpointError({ code: 'unreachable', message: 'away' }));
    };
    expect(await backend.availability()).toEqual({ kind: 'absent', why: 'away' });
    runtime.version = () => {
      asked++;
      return answer();
    };
    for (let i = 0; i < 3; i++) expect((await backend.availability()).kind).toBe('available');
    expect(asked).toBe(2);
    await clock.advance(10_000);
    await backend.availability();
    expect(asked).toBe(3);
  });
});
