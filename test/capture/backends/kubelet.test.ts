import { describe, expect, it } from '@jest/globals';
import { type ErrorCode, StillpointError } from '../../../src/base/index.ts';
import { fromVerdict, judgeKubeletError } from '../../../src/capture/backends/kubelet.ts';
import { createKubeletBackend, createKubeletSight } from '../../../src/capture/index.ts';
import { judgeCheckpointReply, type KubeletClient } from '../../../src/kube/index.ts';
import { targetOf } from '../../support/decisions.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const target = targetOf('a');
const directory = '/var/lib/kubelet/checkpoints';

function judge(status: number, body: string) {
  return fromVerdict(judgeCheckpointReply({ status, body }, target), directory);
}

function runtimeSays(code: string, text: string): string {
  return `checkpointing of shop/cart-a/app failed (rpc error: code = ${code} desc = ${text})`;
}

describe('what a reply of the kubelet means for the capture', () => {
  it('an archive in the checkpoints directory is done', () => {
    const archivePath = `${directory}/checkpoint-x.tar`;
    expect(judge(200, JSON.stringify({ items: [archivePath] }))).toEqual({
      kind: 'done',
      archivePath,
    });
  });

  it('an archive elsewhere is a mistake of the configuration, with value and file to remove', () => {
    const path = '/k3s/checkpoints/checkpoint-x.tar';
    expect(judge(200, JSON.stringify({ items: [path] }))).toMatchObject({
      failure: 'wrong-directory',
      hint: expect.stringMatching(
        `^set checkpointsDir to /k3s/checkpoints; .*${path}.*remove it by hand`,
      ),
    });
  });

  it.each<[string, number, string, string, boolean]>([
    ['no identity', 401, 'Unauthorized', 'unauthorized', false],
    ['no right', 403, 'Forbidden (user=u, verb=create, resource=nodes)', 'forbidden', false],
    ['no pod', 404, 'pod does not exist', 'target-gone', false],
    ['no container', 404, 'container app does not exist', 'target-gone', false],
    ['no endpoint', 404, '404: Page Not Found', 'criu-disabled', false],
    [
      'not running',
      500,
      'checkpointing of shop/cart-a/app failed (container app not found)',
      'not-running',
      false,
    ],
    [
      'not implemented',
      500,
      runtimeSays('Unimplemented', 'method CheckpointContainer not implemented'),
      'runtime-unsupported',
      false,
    ],
    ['a deadline', 500, runtimeSays('DeadlineExceeded', 'x'), 'timeout', true],
    ['a cancel', 500, runtimeSays('Canceled', 'context canceled'), 'unreachable', true],
    ['a runtime that died', 500, runtimeSays('Unavailable', 'EOF'), 'unreachable', true],
    [
      'a full disk',
      500,
      runtimeSays('Unknown', 'write /x: no space left on device'),
      'disk-full',
      false,
    ],
    ['CRIU', 500, runtimeSays('Unknown', 'criu failed: type DUMP errno 0'), 'unknown', false],
    ['no answer of the API server', 500, 'Authorization error (user=u)', 'unreachable', false],
    ['a proxy in between', 502, 'bad gateway', 'unreachable', true],
    ['something else', 200, 'hello', 'unknown', true],
  ])('%s: %s %s is %s; may go on: %s', (_, status, body, failure, mayFinishLater) => {
    expect(judge(status, body)).toMatchObject({ kind: 'failed', failure, mayFinishLater });
  });
});

describe('what it means that there is no reply', () => {
  it.each<[ErrorCode, boolean, string, boolean]>([
    ['cancelled', false, 'cancelled', true],
    ['cancelled', true, 'timeout', true],
    ['unreachable', false, 'unreachable', true],
    ['tls-untrusted', false, 'tls-untrusted', false],
    ['forbidden', false, 'forbidden', false],
    ['not-found', false, 'unreachable', false],
    ['timeout', false, 'unreachable', false],
    ['unauthorized', false, 'unauthorized', false],
    ['bad-config', false, 'bad-config', false],
  ])('%s (time up: %s) is %s; may go on: %s', (code, timedOut, failure, mayFinishLater) => {
    const error = new StillpointError({ code, message: 'x' });
    expect(judgeKubeletError(error, 1_000, timedOut)).toMatchObject({ failure, mayFinishLater });
  });
});

it('tells the kubelet a deadline that we always beat by closing the connection', async () => {
  const asked: number[] = [];
  const kubelet: KubeletClient = {
    address: 'https://node:10250',
    requestCheckpoint({ timeoutSeconds }) {
      asked.push(timeoutSeconds);
      return Promise.resolve({ status: 404, body: 'pod does not exist' });
    },
    config: () => Promise.reject(new Error('not asked')),
    probeMetrics: () => Promise.reject(new Error('not asked')),
    close: () => undefined,
  };
  const backend = createKubeletBackend({
    sight: createKubeletSight(kubelet, createFakeClock()),
    clock: createFakeClock(),
    checkpointsDirectory: directory,
  });
  for (const timeoutMs of [1_000, 600_000, 86_400_000]) {
    await backend.checkpoint(
      { target, archivePath: '/unused', timeoutMs },
      new AbortController().signal,
    );
  }
  expect(asked).toEqual([601, 1_200, 14_400]);
});
