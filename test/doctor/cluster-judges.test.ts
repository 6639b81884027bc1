import { describe, expect, it } from '@jest/globals';
import { type ApiServerFacts, judgeApiServer } from '../../src/doctor/checks/api-server.ts';
import { type ClockFacts, judgeClocks } from '../../src/doctor/checks/clocks.ts';
import { judgeKubelet, type KubeletFacts, NO_SUCH_POD } from '../../src/doctor/checks/kubelet.ts';
import {
  judgeKubeletCertificate,
  type KubeletCertificateFacts,
} from '../../src/doctor/checks/kubelet-certificate.ts';
import {
  judgeKubeletConfig,
  type KubeletConfigFacts,
} from '../../src/doctor/checks/kubelet-config.ts';
import { judgeNode, type NodeFacts } from '../../src/doctor/checks/node-object.ts';
import { agentRights, judgeRights } from '../../src/doctor/checks/rights.ts';
import { judgeCheckpointReply } from '../../src/kube/index.ts';
import { FORBIDDEN, type Row, shown, UNREACHABLE } from './support.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;
const certificate = {
  subject: 'CN=node1',
  issuer: 'CN=other-ca',
  names: ['DNS:node1'],
  validFromMs: 0,
  validToMs: NOW_MS + 100 * DAY_MS,
  fingerprint256: 'AA',
};
const troubled = (code: string) =>
  ({ ok: false, error: { code, message: `it is ${code}`, hint: 'Hint.' } }) as const;

describe('the API server', () => {
  const identity = {
    ok: true,
    value: { server: 'https://10.0.0.1:6443', source: 'in-cluster', ca: ['CN=our-ca'] },
  } as const;
  const version = { ok: true, value: 'v1.37.2' } as const;
  const known = { identity, version, nowMs: NOW_MS };
  const rows: Row<ApiServerFacts>[] = [
    ['knows us', { ...known, user: 'agent' }, ['ok', 'ok'], /as agent/],
    [
      'has nobody to ask it',
      { identity: troubled('bad-config'), nowMs: 0 },
      ['fail', 'no-identity'],
    ],
    ['is away', { ...known, version: UNREACHABLE }, ['fail', 'unreachable']],
    [
      'has a certificate of another CA',
      { ...known, version: troubled('tls-untrusted'), peek: { certificate } },
      ['fail', 'wrong-ca'],
      /CN=other-ca.*CN=our-ca/,
    ],
    [
      'takes our token for none',
      { ...known, version: troubled('unauthorized') },
      ['fail', 'unauthorized'],
    ],
    [
      'has a certificate that soon expires',
      { ...known, peek: { certificate: { ...certificate, validToMs: NOW_MS + DAY_MS } } },
      ['warn', 'expires-soon'],
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeApiServer(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the node', () => {
  const nodeInfo = { kubeletVersion: 'v1.37.2', containerRuntimeVersion: 'containerd://2.4.2' };
  const condition = (type: string, status: string, reason: string, message: string): NodeFacts => ({
    node: 'n1',
    object: { ok: true, value: { status: { conditions: [{ type, status, reason, message }] } } },
  });
  const rows: Row<NodeFacts>[] = [
    [
      'is known',
      { node: 'n1', object: { ok: true, value: { status: { nodeInfo } } } },
      ['ok', 'ok'],
    ],
    [
      'has another name',
      { node: 'n1', object: troubled('not-found') },
      ['fail', 'node-unknown'],
      /NODE_NAME/,
    ],
    ['may not be read', { node: 'n1', object: FORBIDDEN }, ['fail', 'forbidden'], /Grant/],
    ['cannot be asked for', { node: 'n1', object: UNREACHABLE }, ['skipped', 'not-asked']],
    [
      'is not ready',
      condition('Ready', 'Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.'),
      ['warn', 'not-ready'],
      /NodeStatusUnknown: Kubelet stopped/,
    ],
    ['is short of disk', condition('DiskPressure', 'True', 'a', 'b'), ['warn', 'pressure']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeNode(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the rights', () => {
  const asked = (missing: string[]) =>
    agentRights.map((right) => {
      const name = [right.verb, right.resource, right.subresource].filter(Boolean).join(' ');
      return { right, allowed: { ok: true, value: !missing.includes(name) } as const };
    });

  it('are all there', () => {
    expect(judgeRights({ asked: asked([]), server: 'x' })).toMatchObject([{ state: 'ok' }]);
  });

  it.each([
    ['list pods', 'fail', 'resources: ["pods"], verbs: ["list"]'],
    ['watch events', 'fail', 'resources: ["events"], verbs: ["watch"]'],
    ['create events', 'warn', 'resources: ["events"], verbs: ["create"]'],
    ['get nodes', 'fail', 'resources: ["nodes"], verbs: ["get"]'],
    ['get nodes configz', 'warn', 'resources: ["nodes/configz"], verbs: ["get"]'],
    ['get replicasets', 'warn', 'apiGroups: ["apps"], resources: ["replicasets"], verbs: ["get"]'],
    ['create nodes checkpoint', 'warn', 'resources: ["nodes/checkpoint"], verbs: ["create"]'],
  ])('name the rule when %s is missing', (missing, state, rule) => {
    const findings = judgeRights({ asked: asked([missing]), server: 'x' });
    expect(findings).toMatchObject([{ state, code: 'right-missing' }]);
    expect(shown(findings)).toContain(rule);
  });

  it('are not judged where nobody tells', () => {
    const [first, ...rest] = asked([]);
    const all = [...rest, ...(first ? [{ ...first, allowed: UNREACHABLE }] : [])];
    expect(judgeRights({ asked: all, server: 'x' })).toMatchObject([{ code: 'not-asked' }]);
    expect(judgeRights({ asked: [] })).toMatchObject([{ code: 'no-identity' }]);
  });
});

describe('the kubelet', () => {
  const address = { ok: true, value: 'https://10.0.0.5:10250' } as const;
  const config = { ok: true, value: {} } as const;
  const replied = (status: number, body: string): KubeletFacts => {
    const value = judgeCheckpointReply({ status, body }, NO_SUCH_POD);
    return { address, config, verdict: { ok: true, value } };
  };
  const off = replied(404, '404: Page Not Found');
  const rows: Row<KubeletFacts>[] = [
    ['takes checkpoints', replied(404, 'pod does not exist'), ['ok', 'ok']],
    [
      'refuses our right',
      replied(403, 'Forbidden (user=sa, verb=create, resource=nodes, subresource(s)=[checkpoint])'),
      ['warn', 'forbidden'],
      /Grant to sa: .*nodes\/checkpoint/,
    ],
    ['does not know us', replied(401, 'Unauthorized'), ['fail', 'unauthorized'], /webhook/],
    [
      'has the gate off, by default',
      { ...off, version: 'v1.28.0' },
      ['fail', 'gate-off'],
      /v1\.28/,
    ],
    [
      'has the gate off, by its configuration',
      { ...off, config: { ok: true, value: { checkpointGate: false } } },
      ['fail', 'gate-off'],
      /feature gate ContainerCheckpoint is off/,
    ],
    [
      'serves nothing of that kind',
      { ...off, config: { ok: true, value: { debuggingHandlers: false } } },
      ['fail', 'handlers-off'],
      /enableDebuggingHandlers: true/,
    ],
    [
      'cannot ask the API server about us',
      replied(500, 'Authorization error (user=sa, verb=create)'),
      ['fail', 'authorization-unavailable'],
    ],
    ['answers strangely', replied(418, 'tea'), ['fail', 'bad-answer']],
    ['is away', { address, config, verdict: UNREACHABLE }, ['fail', 'unreachable']],
    [
      'has a certificate that is not proved',
      { address, config, verdict: troubled('tls-untrusted') },
      ['fail', 'tls-untrusted'],
      /kubelet-certificate/,
    ],
    [
      'cannot be found',
      { address: troubled('not-found'), config, verdict: troubled('not-found') },
      ['fail', 'address-unknown'],
      /kubelet\.address/,
    ],
    [
      'is not known while the API server is away',
      { address: UNREACHABLE, config, verdict: UNREACHABLE },
      ['skipped', 'address-unknown'],
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeKubelet(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the certificate of the kubelet', () => {
  const trusted: KubeletCertificateFacts = {
    throughApiServer: false,
    address: { ok: true, value: 'https://10.0.0.5:10250' },
    trust: {
      ok: true,
      value: { caFrom: '/etc/ca.crt', ca: ['CN=our-ca'], serverName: 'node1' },
    },
    peek: { ok: true, value: { certificate } },
    nowMs: NOW_MS,
  };
  const distrusted = (distrust: string) => ({
    ...trusted,
    peek: { ok: true, value: { certificate, distrust } } as const,
  });
  const pinFile = '/etc/kubelet.crt';
  const rows: Row<KubeletCertificateFacts>[] = [
    ['is proved', trusted, ['ok', 'ok'], /\/etc\/ca\.crt/],
    [
      'is of another CA than the one that is named',
      distrusted('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
      ['fail', 'wrong-ca'],
      /CN=other-ca.*\/etc\/ca\.crt \(CN=our-ca\)/,
    ],
    [
      'is for another name',
      distrusted('ERR_TLS_CERT_ALTNAME_INVALID'),
      ['fail', 'wrong-name'],
      /DNS:node1.*serverName/,
    ],
    [
      'is not the pinned one',
      {
        ...distrusted('DEPTH_ZERO_SELF_SIGNED_CERT'),
        pinned: false,
        trust: {
          ok: true,
          value: { caFrom: 'the CA of the cluster', ca: [], serverName: 'node1', pinFile },
        },
      },
      ['fail', 'wrong-pin'],
      /\/etc\/kubelet\.crt/,
    ],
    ['is the pinned one', { ...distrusted('CERT_HAS_EXPIRED'), pinned: true }, ['ok', 'ok']],
    [
      'has expired',
      {
        ...trusted,
        peek: { ok: true, value: { certificate: { ...certificate, validToMs: NOW_MS } } },
      },
      ['fail', 'expired'],
    ],
    [
      'has a CA file that is none',
      { ...trusted, trust: troubled('bad-config') },
      ['fail', 'bad-config'],
    ],
    [
      'is not ours to prove',
      { ...trusted, throughApiServer: true },
      ['skipped', 'through-api-server'],
    ],
    ['cannot be seen', { ...trusted, peek: UNREACHABLE }, ['skipped', 'unreachable']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeKubeletCertificate(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the configuration of the kubelet', () => {
  const value = { runtimeRequestTimeoutMs: 1, evictionHard: { 'nodefs.available': '10%' } };
  const socket = '/run/containerd/containerd.sock';
  const config = { ok: true, value } as const;
  const rows: Row<KubeletConfigFacts>[] = [
    ['fits', { config, socket, kubeletSocket: socket }, ['ok', 'ok'], /nodefs\.available<10%/],
    [
      'names another runtime',
      { config, socket, kubeletSocket: '/run/crio/crio.sock' },
      ['fail', 'other-runtime'],
      /Set runtime\.socket to \/run\/crio\/crio\.sock/,
    ],
    ['may not be read', { config: FORBIDDEN, socket }, ['warn', 'forbidden'], /guessed/],
    ['cannot be asked for', { config: UNREACHABLE, socket }, ['skipped', 'not-asked']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeKubeletConfig(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the clock', () => {
  const whose = 'the API server';
  const rows: Row<ClockFacts>[] = [
    ['goes with the others', [{ whose, aheadMs: 1_900 }], ['ok', 'ok']],
    ['is behind', [{ whose, aheadMs: 2_100 }], ['warn', 'drift'], /2\.1 s ahead of this node/],
    ['is ahead', [{ whose, aheadMs: -9_000 }], ['warn', 'drift'], /9 s behind this node/],
    ['cannot be compared', [], ['skipped', 'not-told']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeClocks(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});
