import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createServiceAccountToken,
  deletePod,
  labInfo,
  nodeOf,
  startWorkPod,
} from '../lib/index.ts';
import {
  agentRights,
  emptyCheckpoints,
  type LabAgent,
  optedIn,
  proveArchive,
  ruleText,
  startLabAgent,
} from '../rig/index.ts';

const lab = labInfo();
const node = nodeOf(lab);
let running: LabAgent | undefined;

const rules = ruleText({
  name: 'often',
  when: '{ schedule: { cron: "*/3 * * * * *", timeZone: UTC } }',
  capture: '{ via: kubelet }',
});

beforeEach(async () => {
  emptyCheckpoints(node);
  await startWorkPod({ name: 'watched', labels: optedIn, command: ['counter'] });
});
afterEach(async () => {
  await running?.stop();
  await deletePod('watched');
});

describe('the kubelet', () => {
  const describedAs =
    lab.kubeletCert === 'ca'
      ? 'is spoken to with exactly the agent’s rights and its verified certificate'
      : 'is spoken to with its self-signed certificate, pinned';
  it(describedAs, async () => {
    running = await startLabAgent({
      rules,
      change: (config) =>
        lab.kubeletCert === 'ca'
          ? config
          : {
              ...config,
              kubelet: { ...config.kubelet, tls: { pin: node.kubeletCertFile } },
            },
    });
    const record = await running.archived('watched');
    await proveArchive(node, record);
    expect(record.backend).toBe('kubelet');
  });

  it('is not spoken to when its certificate cannot be verified, and the failure says so', async () => {
    running = await startLabAgent({
      rules,
      change: (config) => ({
        ...config,
        kubelet: { ...config.kubelet, tls: { serverName: 'someone-else' } },
      }),
    });
    const outcome = await running.ended('watched');
    expect(outcome.kind).toBe('failed');
    expect(JSON.stringify(outcome)).toMatch(/certificate/i);
  });

  // With self-signed kubelets it is the API server that does not trust them.
  const proxied = lab.kubeletCert === 'ca' ? it : it.skip;
  proxied('can be reached through the API server’s node proxy, for trying out', async () => {
    const proxy = { apiGroups: [''], resources: ['nodes/proxy'], verbs: ['get', 'create'] };
    running = await startLabAgent({
      rules,
      token: await createServiceAccountToken('through-proxy', [...agentRights, proxy]),
      change: (config) => ({ ...config, kubelet: { tls: {}, through: 'api-server' } }),
    });
    const record = await running.archived('watched');
    await proveArchive(node, record);
    expect(record.backend).toBe('kubelet');
  });

  it('refuses without the right: the failure is named forbidden, with the missing rule', async () => {
    const pinned = lab.kubeletCert === 'ca' ? {} : { pin: node.kubeletCertFile };
    running = await startLabAgent({
      rules,
      token: await createServiceAccountToken('no-checkpoint', agentRights),
      change: (config) => ({ ...config, kubelet: { ...config.kubelet, tls: pinned } }),
    });
    const outcome = await running.ended('watched');
    expect(outcome).toMatchObject({ kind: 'failed', failure: 'forbidden' });
    expect(JSON.stringify(outcome)).toContain('nodes/checkpoint');
  });
});
