import { describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../../src/base/index.ts';
import { createKubeletSight } from '../../../src/capture/index.ts';
import {
  type CheckpointVerdict,
  judgeCheckpointReply,
  type KubeletConfig,
  type KubeletReply,
} from '../../../src/kube/index.ts';
import { targetOf } from '../../support/decisions.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const target = targetOf('a');

function rig() {
  const clock = createFakeClock();
  const answers: { config: () => KubeletConfig; checkpoint: () => KubeletReply } = {
    config: () => ({ runtimeRequestTimeoutMs: 1, evictionHard: {} }),
    checkpoint: () => ({ status: 404, body: 'pod does not exist' }),
  };
  const sight = createKubeletSight(
    {
      address: 'https://node:10250',
      requestCheckpoint: async () => answers.checkpoint(),
      config: async () => answers.config(),
      probeMetrics: async () => '',
      close: () => undefined,
    },
    clock,
  );
  const config = () => sight.kubelet.config().catch(() => undefined);
  const checkpoint = async () => {
    const request = { ...target, timeoutSeconds: 1 };
    const never = new AbortController().signal;
    const reply = await sight.kubelet.requestCheckpoint(request, never).catch(() => undefined);
    if (reply) sight.note(judgeCheckpointReply(reply, target));
  };
  return { clock, answers, sight, config, checkpoint };
}

function fails(code: 'unreachable' | 'tls-untrusted' | 'cancelled', message: string) {
  return () => {
    throw new StillpointError({ code, message });
  };
}

describe('what is known of the kubelet', () => {
  it('is nothing before it was asked, and says so', () => {
    const { sight } = rig();
    expect(sight.availability()).toEqual({
      kind: 'doubtful',
      why: 'kubelet at https://node:10250, not seen so far',
    });
  });

  it('is when it last answered', async () => {
    const { sight, config, clock } = rig();
    await config();
    await clock.advance(60_000);
    expect(sight.availability()).toEqual({
      kind: 'available',
      why: 'kubelet at https://node:10250, last answered 2026-01-01T00:00:00.000Z',
    });
  });

  it('is that it was away, why and when, until it answers again', async () => {
    const { sight, answers, config, clock } = rig();
    const { config: well } = answers;
    await config();
    answers.config = fails('tls-untrusted', 'certificate has expired');
    await clock.advance(60_000);
    await config();
    expect(sight.availability()).toMatchObject({
      kind: 'doubtful',
      why: expect.stringMatching(/last seen 2026-01-01T00:01:00.*tls-untrusted: .*expired/),
    });
    answers.config = well;
    await config();
    expect(sight.availability().kind).toBe('available');
  });

  it('is a refused right until a checkpoint is not refused, whatever else it answers', async () => {
    const { sight, answers, config, checkpoint } = rig();
    const { checkpoint: well } = answers;
    answers.checkpoint = () => ({ status: 403, body: 'Forbidden (user=u, verb=create)' });
    await checkpoint();
    await config();
    expect(sight.availability()).toMatchObject({
      kind: 'doubtful',
      why: expect.stringContaining('forbidden: '),
    });
    answers.checkpoint = well;
    await checkpoint();
    expect(sight.availability().kind).toBe('available');
  });

  it('is not changed by a call that we gave up', async () => {
    const { sight, answers, config, checkpoint } = rig();
    await config();
    answers.checkpoint = fails('cancelled', 'given up');
    await checkpoint();
    expect(sight.availability().kind).toBe('available');
  });

  it('is that it is there when it only does not show its configuration', async () => {
    const { sight, answers, config } = rig();
    answers.config = () => {
      throw new StillpointError({ code: 'forbidden', message: 'x', details: { status: 403 } });
    };
    await config();
    expect(sight.availability().kind).toBe('available');
  });

  it('is not changed by what it says of one container', () => {
    const { sight } = rig();
    const verdict: CheckpointVerdict = { kind: 'refused', code: 'not-running', message: 'x' };
    sight.note(verdict);
    expect(sight.availability().why).toContain('not seen so far');
  });
});
