import { describe, expect, it } from '@jest/globals';
import { type ErrorCode, StillpointError } from '../../src/base/index.ts';
import { judgeDump } from '../../src/capture/dump-failure.ts';
import type { FailureClass } from '../../src/capture/index.ts';

function said(code: ErrorCode, grpcText: string): StillpointError {
  return new StillpointError({
    code,
    message: `Checkpoint on x: ${grpcText}`,
    details: { grpcText },
  });
}

const RUNC = 'runc did not terminate successfully: exit status';
const CRIU = `${RUNC} 1: criu failed: type DUMP errno 0 path= /run/x/criu-dump.log: unknown`;
const TCP = [
  '(00.031) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using --tcp-established option.',
  '(00.032) Error (criu/cr-dump.c:2128): Dumping FAILED.',
].join('\n');

describe('a failed dump', () => {
  it.each<[string, StillpointError, string, FailureClass, boolean]>([
    ['that CRIU names', said('runtime-failed', CRIU), TCP, 'established-tcp', false],
    ['without a log', said('runtime-failed', CRIU), '', 'unknown', false],
    ['whose runc was killed', said('runtime-failed', `${RUNC} 137: unknown`), '', 'unknown', true],
    [
      'whose runc was killed after CRIU had ended',
      said('runtime-failed', `${RUNC} 137: unknown`),
      '(00.5) Dumping finished successfully',
      'unknown',
      false,
    ],
    ['whose shim died', said('runtime-failed', 'ttrpc: closed: unknown'), '', 'unknown', true],
    ['whose runtime died', said('unreachable', 'Connection dropped'), '', 'unreachable', true],
    ['that was given up', said('cancelled', 'Cancelled on client'), '', 'cancelled', true],
    ['of nobody', said('not-found', 'task x not found'), '', 'target-gone', false],
    ['elsewhere', said('unsupported', 'the runtime is cri-o'), '', 'runtime-unsupported', false],
  ])('%s', (_, error, log, failure, mayFinishLater) => {
    const end = judgeDump(error, { log, timedOut: false, timeoutMs: 60_000 });
    expect(end).toMatchObject({ failure, mayFinishLater });
    expect(end.message).not.toBe('');
  });

  it('tells what CRIU complained of', () => {
    const { message } = judgeDump(said('runtime-failed', CRIU), {
      ...{ log: `noise\n${TCP}\n`, timedOut: false, timeoutMs: 1 },
    });
    expect(message.split('\n')).toEqual([CRIU, ...TCP.split('\n')]);
  });

  it('that took too long says how long it was given', () => {
    const end = judgeDump(said('cancelled', 'x'), { log: '', timedOut: true, timeoutMs: 60_000 });
    expect(end).toEqual({
      failure: 'timeout',
      message: 'no answer within 60 s',
      mayFinishLater: true,
    });
  });

  it('throws what is a mistake of ours', () => {
    const bug = new TypeError('x is not a function');
    expect(() => judgeDump(bug, { log: '', timedOut: false, timeoutMs: 1 })).toThrow(bug);
  });
});
