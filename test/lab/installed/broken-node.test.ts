import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  askKubelet,
  askKubeletForCheckpoint,
  type Cure,
  deletePod,
  fillCheckpointsDisk,
  giveOldCriu,
  hideRuntimeSocket,
  inNode,
  type KubeletReply,
  labInfo,
  makeCheckpointsReadOnly,
  nodeOf,
  serveForeignCertificate,
  setKubeletGate,
  startWorkPod,
  takeCriuAway,
  waitFor,
} from '../lib/index.ts';

const node = nodeOf(labInfo());
const pod = 'broken';
let cure: Cure | undefined;

beforeAll(async () => {
  await startWorkPod({ name: pod, command: ['counter'] });
});
afterEach(async () => {
  await cure?.();
  cure = undefined;
});
afterAll(() => deletePod(pod));

/** A kubelet knows its pods, and a containerd that was started again, only after a moment. */
function checkpoint(): Promise<KubeletReply> {
  return waitFor('the kubelet to have found its way', async () => {
    const reply = await askKubeletForCheckpoint(node, { pod });
    return /pod does not exist|connect: /.test(reply.body) ? undefined : reply;
  });
}

/** Mended: a runtime that was started again may say many things until it is ready. */
function workingCheckpoint(): Promise<KubeletReply> {
  return waitFor('a checkpoint to be made again', async () => {
    const reply = await askKubeletForCheckpoint(node, { pod });
    if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.body}`);
    return reply;
  });
}

describe('a node can be broken, and mended, so that', () => {
  test('it has no CRIU', async () => {
    cure = await takeCriuAway(node);
    expect(await checkpoint()).toMatchObject({
      status: 500,
      body: expect.stringContaining('criu'),
    });
    await cure();
    cure = undefined;
    await workingCheckpoint();
  });

  test('it has a CRIU that cannot dump on this kernel', async () => {
    cure = await giveOldCriu(node);
    expect((await inNode(node.name, '/usr/local/sbin/criu', ['--version'])).stdout).toContain(
      '3.17.1',
    );
    expect(await checkpoint()).toMatchObject({ status: 500 });
  });

  test('its kubelet does not know checkpoints', async () => {
    cure = await setKubeletGate(node, 'ContainerCheckpoint', false);
    expect(await checkpoint()).toMatchObject({ status: 404 });
  });

  test('its kubelet serves a certificate that cannot be verified', async () => {
    cure = await serveForeignCertificate(node);
    await expect(askKubelet(node, 'GET', '/healthz')).rejects.toThrow(/certificate/);
  });

  test('its runtime has no socket', async () => {
    cure = hideRuntimeSocket(node);
    expect(existsSync(node.containerdSocket)).toBe(false);
    await cure();
    cure = undefined;
    await workingCheckpoint();
  });

  test('its checkpoints directory is read-only', async () => {
    cure = await makeCheckpointsReadOnly(node);
    expect(await checkpoint()).toMatchObject({
      status: 500,
      body: expect.stringContaining('read-only'),
    });
  });

  test('its disk is full', async () => {
    cure = await fillCheckpointsDisk(node);
    expect(await checkpoint()).toMatchObject({ status: 500 });
  });
});
