import { describe, expect, it } from '@jest/globals';
import {
  type CheckpointRefusal,
  checkpointRefusals,
  judgeCheckpointReply,
} from '../../src/kube/index.ts';

const TARGET = { namespace: 'shop', pod: 'cart-0', container: 'app' };
const FAILED = 'checkpointing of shop/cart-0/app failed';

interface Row {
  situation: string;
  status: number;
  body: string;
  code: CheckpointRefusal;
  rpcCode?: string;
  hint?: string;
}

const rows: Row[] = [
  { situation: 'no credentials', status: 401, body: 'Unauthorized', code: 'unauthorized' },
  {
    situation: 'no right, kubelet 1.32 and newer',
    status: 403,
    body: 'Forbidden (user=system:serviceaccount:st:agent, verb=create, resource=nodes, subresource(s)=[checkpoint])\n',
    code: 'forbidden',
    hint: 'Grant to system:serviceaccount:st:agent: apiGroups: [""], resources: ["nodes/checkpoint"], verbs: ["create"]',
  },
  {
    situation: 'no right, older kubelet',
    status: 403,
    body: 'Forbidden (user=system:anonymous, verb=create, resource=nodes, subresource=checkpoint)',
    code: 'forbidden',
    hint: 'Grant to system:anonymous: apiGroups: [""], resources: ["nodes/checkpoint"], verbs: ["create"]',
  },
  {
    situation: 'no right to the node proxy',
    status: 403,
    body: '{"kind":"Status","code":403,"message":"nodes \\"n1\\" is forbidden: User \\"ada\\" cannot create resource \\"nodes/proxy\\" in API group \\"\\" at the cluster scope"}',
    code: 'forbidden',
    hint: 'Grant to ada: apiGroups: [""], resources: ["nodes/proxy"], verbs: ["create"]',
  },
  { situation: 'pod unknown', status: 404, body: 'pod does not exist', code: 'pod-unknown' },
  {
    situation: 'container unknown',
    status: 404,
    body: 'container app does not exist',
    code: 'container-unknown',
  },
  {
    situation: 'timeout that is no number',
    status: 404,
    body: 'cannot parse value of timeout parameter',
    code: 'bad-timeout',
  },
  {
    situation: 'feature gate or debugging handlers off',
    status: 404,
    body: '404: Page Not Found',
    code: 'endpoint-off',
  },
  {
    situation: 'node unknown to the API server',
    status: 404,
    body: '{"kind":"Status","code":404,"reason":"NotFound","message":"nodes \\"n9\\" not found"}',
    code: 'node-unknown',
  },
  {
    situation: 'wrong method',
    status: 405,
    body: '405: Method Not Allowed',
    code: 'method-not-allowed',
  },
  {
    situation: 'wrong Accept header',
    status: 406,
    body: '406: Not Acceptable',
    code: 'not-acceptable',
  },
  {
    situation: 'negative timeout',
    status: 500,
    body: `${FAILED} (CheckpointContainer requires the timeout value to be > 0)`,
    code: 'negative-timeout',
  },
  {
    situation: 'container in back-off',
    status: 500,
    body: `${FAILED} (container app not found)`,
    code: 'not-running',
  },
  {
    situation: 'CRIU failed',
    status: 500,
    body: `${FAILED} (rpc error: code = Unknown desc = failed to checkpoint container "ab": criu dump failed\n(see log))`,
    code: 'runtime-error',
    rpcCode: 'Unknown',
  },
  {
    situation: 'runtime without the call',
    status: 500,
    body: `${FAILED} (rpc error: code = Unimplemented desc = method CheckpointContainer not implemented)`,
    code: 'runtime-unsupported',
    rpcCode: 'Unimplemented',
  },
  {
    situation: 'deadline of the kubelet over',
    status: 500,
    body: `${FAILED} (rpc error: code = DeadlineExceeded desc = context deadline exceeded)`,
    code: 'runtime-timeout',
    rpcCode: 'DeadlineExceeded',
  },
  {
    situation: 'call cancelled in the kubelet',
    status: 500,
    body: `${FAILED} (rpc error: code = Canceled desc = context canceled)`,
    code: 'runtime-cancelled',
    rpcCode: 'Canceled',
  },
  {
    situation: 'kubelet fails by itself',
    status: 500,
    body: `${FAILED} (mkdir /var/lib/kubelet/checkpoints: read-only file system)`,
    code: 'kubelet-error',
  },
  {
    situation: 'right cannot be checked',
    status: 500,
    body: 'Authorization error (user=x, verb=create, resource=nodes, subresource=checkpoint)',
    code: 'authorization-unavailable',
  },
  {
    situation: 'API server cannot dial the kubelet',
    status: 500,
    body: '{"kind":"Status","code":500,"message":"error trying to reach service: dial tcp 10.0.0.5:10250: connect: connection refused"}',
    code: 'kubelet-unreachable',
  },
  {
    situation: 'API server gives up on the kubelet',
    status: 502,
    body: 'error trying to reach service',
    code: 'kubelet-unreachable',
  },
  { situation: 'teapot', status: 418, body: 'short and stout', code: 'bad-answer' },
  { situation: '200 without JSON', status: 200, body: '<html>', code: 'bad-answer' },
  { situation: '200 with null', status: 200, body: 'null', code: 'bad-answer' },
  { situation: '200 with no item', status: 200, body: '{"items":[]}', code: 'bad-answer' },
  {
    situation: '200 with two items',
    status: 200,
    body: '{"items":["/a/checkpoint-a.tar","/a/checkpoint-b.tar"]}',
    code: 'bad-answer',
  },
  {
    situation: '200 with a relative path',
    status: 200,
    body: '{"items":["checkpoint-a.tar"]}',
    code: 'bad-answer',
  },
  {
    situation: '200 with a path that climbs',
    status: 200,
    body: '{"items":["/var/lib/kubelet/checkpoints/../../shadow.tar"]}',
    code: 'bad-answer',
  },
  {
    situation: '200 with a file that is no archive',
    status: 200,
    body: '{"items":["/etc/shadow"]}',
    code: 'bad-answer',
  },
];

describe('the reply of the checkpoint endpoint', () => {
  it.each(rows)('$situation ($status) is $code', ({ status, body, code, rpcCode, hint }) => {
    const verdict = judgeCheckpointReply({ status, body }, TARGET);
    expect(verdict).toMatchObject({ kind: 'refused', code });
    if (verdict.kind !== 'refused') return;
    expect(verdict.message.startsWith(checkpointRefusals[code])).toBe(true);
    expect(verdict.rpc?.code).toBe(rpcCode);
    if (hint) expect(verdict.hint).toBe(hint);
  });

  it('has a row for every refusal there is', () => {
    const covered = new Set(rows.map(({ code }) => code));
    expect([...covered].sort()).toEqual(Object.keys(checkpointRefusals).sort());
  });

  it('gives the path of the one archive', () => {
    const path = '/var/lib/kubelet/checkpoints/checkpoint-cart-0_shop-app-2026-02-01T18:28:17Z.tar';
    const body = `{"items":["${path}"]}`;
    expect(judgeCheckpointReply({ status: 200, body }, TARGET)).toEqual({
      kind: 'done',
      archivePath: path,
    });
  });

  it('keeps the words of the runtime, whole and with line breaks', () => {
    const body = `${FAILED} (rpc error: code = Unknown desc = a (b)\nc)`;
    const verdict = judgeCheckpointReply({ status: 500, body }, TARGET);
    expect(verdict).toMatchObject({ rpc: { code: 'Unknown', text: 'a (b)\nc' } });
  });

  it('does not take the failure of another container for ours', () => {
    const body = 'checkpointing of shop/cart-0/other failed (container other not found)';
    expect(judgeCheckpointReply({ status: 500, body }, TARGET)).toMatchObject({
      code: 'kubelet-error',
    });
  });
});
