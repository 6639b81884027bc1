import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Clients } from '../../src/agent/clients.ts';
import { loadAgentConfig } from '../../src/agent/config.ts';
import { createDecisionSide } from '../../src/agent/decision-side.ts';
import { createRandom } from '../../src/base/index.ts';
import type { Dispatcher } from '../../src/dispatch/index.ts';
import { quietCounts } from '../../src/rules/index.ts';
import { openStore } from '../../src/store/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { falcoBody } from '../support/falco-alert.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { createHeardFacts } from './support/parts.ts';

const RULE = `apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: falco }
spec:
  when: { alert: { shape: falco, match: [ { field: priority, equals: Critical } ] } }
  target: {}
  limits: { cooldown: 0s }
`;
const CONTAINER_ID = '45dd76eff80f'.padEnd(64, '0');
const POD = {
  metadata: { namespace: 'shop', name: 'cart', uid: 'u1', resourceVersion: '1' },
  spec: { nodeName: 'node-1', containers: [{ name: 'app' }] },
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'app',
        containerID: `containerd://${CONTAINER_ID}`,
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
      },
    ],
  },
};

/** An API server with one pod, whose watches stay open and silent. */
const api = {
  server: 'https://api',
  json: async ({ path }: { path: string }) =>
    path.includes('metadata.name%3Dpay')
      ? { items: [{ spec: { nodeName: 'node-2' } }] }
      : { items: [POD], metadata: { resourceVersion: '1' } },
  lines: async (_request: unknown, signal: AbortSignal) => ({
    async *[Symbol.asyncIterator]() {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  }),
  close: () => undefined,
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sp-decisions-'));
  writeFileSync(join(directory, 'rule.yaml'), RULE);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function started(offer: () => never, alertsTokenFile?: string) {
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const config = await loadAgentConfig({ node: 'node-1', rules: directory }, {});
  const side = createDecisionSide({
    config: {
      ...config,
      http: { ...config.http, alertsTokenFile },
      defaults: { limits: { budget: { count: 3, within: 3_600_000, per: 'owner' } } },
    },
    env: {},
    clients: { api } as unknown as Clients,
    store: openStore(':memory:'),
    facts: createHeardFacts(clock).facts,
    dispatcher: {
      offer,
      journal: { recent: () => [] },
      status: () => ({ running: undefined }),
    } as unknown as Dispatcher,
    onPolicies: () => undefined,
    mode: () => 'enforce',
    clock,
    random: createRandom(1),
    log,
  });
  let isStarted = false;
  const starting = side.start().then(() => {
    isStarted = true;
  });
  while (!isStarted) await clock.advance(20);
  await starting;
  return { side, lines, clock };
}

describe('the side that decides', () => {
  it('outlives a mistake of ours behind a signal, and says it', async () => {
    const { side, lines } = await started(() => {
      throw new RangeError('a bug');
    }, '/token');
    const { webhook } = side.sources;
    for (let copy = 0; copy < 3; copy++) {
      expect(webhook?.accept('falco', { data: falcoBody() }).status).toBe(202);
    }
    expect(lines.filter(({ event }) => event === 'signal-not-decided')).toMatchObject([
      { level: 'error', fields: { kind: 'alert', error: { message: 'a bug' } } },
    ]);
    await side.stop();
  });

  it('gives the limits of its configuration to rules without their own', async () => {
    const { side } = await started(() => {
      throw new RangeError('nothing is offered');
    });
    expect(side.intake.core().limits.get('falco')).toEqual({
      cooldown: { forMs: 0, per: 'container' },
      budget: { count: 3, withinMs: 3_600_000, per: 'owner' },
    });
    await side.stop();
  });

  it('counts what a rule passes over, so that metrics can show it', async () => {
    const { side } = await started(() => {
      throw new RangeError('nothing may fire');
    }, '/token');
    side.sources.webhook?.accept('falco', { data: falcoBody({ priority: 'Notice' }) });
    expect(quietCounts(side.intake.state())).toEqual([
      { rule: 'falco', reason: 'no-match', count: 1 },
    ]);
    await side.stop();
  });

  it('asks where the pod of an alert is that names no node, and counts what is elsewhere', async () => {
    const { side, clock } = await started(() => {
      throw new RangeError('nothing may fire');
    }, '/token');
    const named = { 'k8s.ns.name': 'shop', 'k8s.pod.name': 'pay' };
    const body = falcoBody({ hostname: undefined, output_fields: named });
    expect(side.sources.webhook?.accept('falco', { data: body }).status).toBe(202);
    expect(quietCounts(side.intake.state())).toEqual([]);
    await clock.advance(0);
    expect(quietCounts(side.intake.state())).toEqual([
      { rule: 'falco', reason: 'elsewhere', count: 1 },
    ]);
    await side.stop();
  });

  it('has no webhook among its sources when nobody may post', async () => {
    const { side } = await started(() => {
      throw new RangeError('nothing may fire');
    });
    expect(side.sources.all.map(({ name }) => name)).toEqual([
      'pods',
      'events',
      'schedule',
      'probes',
    ]);
    await side.stop();
  });
});
