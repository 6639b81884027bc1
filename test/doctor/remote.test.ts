import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createRandom, StillpointError } from '../../src/base/index.ts';
import { doctorOnNodes, findNodes, type RemoteOptions } from '../../src/doctor/index.ts';
import type { ApiClient, ApiRequest } from '../../src/kube/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

interface FakePod {
  name: string;
  node: string;
  phase?: string;
  deleted?: boolean;
}

function podList(pods: readonly FakePod[]): object {
  const items = pods.map(({ name, node, phase = 'Running', deleted }) => ({
    metadata: { name, ...(deleted ? { deletionTimestamp: 'now' } : {}) },
    spec: { nodeName: node, containers: [{ image: 'stillpoint:1' }] },
    status: { phase },
  }));
  return { items };
}

/** An API server by its answers, and a kubectl by its script. */
function remote(
  answer: (request: ApiRequest) => unknown,
  script: string,
  more: Partial<RemoteOptions> = {},
): { options: RemoteOptions; asked: ApiRequest[] } {
  const bin = tempDir();
  writeFileSync(join(bin, 'kubectl'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'kubectl'), 0o755);
  const asked: ApiRequest[] = [];
  const json = async (request: ApiRequest) => {
    asked.push(request);
    return answer(request);
  };
  const options: RemoteOptions = {
    api: { json } as unknown as ApiClient,
    kubectl: { env: { PATH: `${bin}:/usr/bin:/bin` } },
    clock: createFakeClock(),
    random: createRandom(1),
    signal: new AbortController().signal,
    namespace: 'stillpoint',
    version: '1',
    ...more,
  };
  return { options, asked };
}

const report = (node: string) =>
  JSON.stringify({
    node,
    version: '1',
    lines: [{ check: 'x', state: 'ok', code: 'ok', what: 'y' }],
  });

describe('the nodes of a cluster', () => {
  const none = 'exit 9';

  it('are those that have an agent; of two pods on one node, the one that stays', async () => {
    const pods = [
      { name: 'old', node: 'b', deleted: true },
      { name: 'new', node: 'b' },
      { name: 'only', node: 'a', phase: 'Pending' },
    ];
    const { options, asked } = remote(() => podList(pods), none);
    const found = await findNodes(options, undefined);
    expect(found.map(({ node, name }) => `${node} ${name}`)).toEqual(['a only', 'b new']);
    expect(decodeURIComponent(asked[0]?.path ?? '')).toContain(
      '/namespaces/stillpoint/pods?labelSelector=app.kubernetes.io/name=stillpoint,',
    );
  });

  it('are none where Stillpoint is not installed', async () => {
    const { options } = remote(() => podList([]), none);
    await expect(findNodes(options, 'n1')).rejects.toMatchObject({
      code: 'not-found',
      message: "no agent's pod in namespace stillpoint on node n1",
    });
  });
});

describe('doctor from outside', () => {
  const pods = ['a', 'b', 'c'].map((node) => ({
    namespace: 'stillpoint',
    name: `agent-${node}`,
    node,
    image: 'stillpoint:1',
    isRunning: true,
  }));

  it('brings the report of each pod, in order', async () => {
    const script = `case $4 in
      agent-a) echo '${report('a')}';;
      agent-b) echo '${report('b')}'; exit 1;;
      *) echo 'error: error dialing backend: connection refused' >&2; exit 1;;
    esac`;
    const conditions = [{ type: 'Ready', status: 'Unknown', reason: 'Gone', message: 'silent' }];
    const { options } = remote(() => ({ status: { conditions } }), script);
    const reports = await doctorOnNodes(pods, options);
    expect(reports.map(({ node }) => node)).toEqual(['a', 'b', 'c']);
    expect(reports[1]?.lines).toMatchObject([{ state: 'ok' }]);
    // No way in: what the API server knows of the node is told instead.
    expect(reports[2]?.lines).toMatchObject([
      { check: 'pod', state: 'fail', code: 'unreachable' },
      { check: 'node', code: 'not-ready', what: 'c is not ready: Gone: silent' },
    ]);
  });

  it('tells the pod which canary to capture, and still looks when it may make none', async () => {
    const script = `case "$*" in
      *' --canary-pod stillpoint/stillpoint-canary-'*/canary) echo '${report('with')}';;
      *) echo '${report('without')}';;
    esac`;
    const [pod] = pods;
    if (!pod) throw new Error('no pod');
    const running = { status: { containerStatuses: [{ state: { running: {} } }] } };
    const good = remote(({ method }) => (method === 'GET' ? running : {}), script, { canary: {} });
    expect(await doctorOnNodes([pod], good.options)).toMatchObject([{ node: 'with' }]);
    expect(good.asked.map(({ method }) => method)).toEqual(['POST', 'GET', 'DELETE']);

    const refuse = ({ method }: ApiRequest) => {
      if (method !== 'POST') return {};
      const hint = 'Grant: pods create';
      throw new StillpointError({ code: 'forbidden', message: '403', hint });
    };
    const bad = remote(refuse, script, { canary: {} });
    const [seen] = await doctorOnNodes([pod], bad.options);
    expect(seen?.node).toBe('without');
    expect(seen?.lines).toMatchObject([
      { check: 'x' },
      {
        check: 'canary',
        state: 'fail',
        code: 'forbidden',
        next: expect.stringContaining('kubeconfig'),
      },
      { check: 'verdict' },
    ]);
  });
});
