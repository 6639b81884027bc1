import { describe, expect, it } from '@jest/globals';
import { verifyArchive } from '../../src/archive/index.ts';
import { falcoAlert } from '../support/falco-alert.ts';
import {
  CART,
  cart,
  MIB,
  type RunningAgent,
  rule,
  type TestNode,
  useNodes,
} from './support/node.ts';

const startNode = useNodes();

/** What each kind of rule waits for, and what makes it happen. */
interface Kind {
  when: string;
  happen(node: TestNode, running: RunningAgent): unknown;
  cause: RegExp;
}

const KINDS: Record<string, Kind> = {
  memory: {
    when: 'memory: { above: 85% }',
    happen: ({ sim }) => sim.scenario.leak(CART, 100_000_000),
    cause: /memory/,
  },
  event: {
    when: 'event: { reason: Unhealthy, message: { re2: "^Liveness" } }',
    happen: ({ sim }) =>
      sim.scenario.emitEvent(CART, {
        type: 'Warning',
        reason: 'Unhealthy',
        message: 'Liveness probe failed: HTTP probe failed with statuscode: 500',
        container: 'app',
      }),
    cause: /Unhealthy: Liveness/,
  },
  crashLoop: {
    when: 'crashLoop: { restarts: 2, within: 5m, capture: { after: 500ms } }',
    happen: ({ sim }) => sim.scenario.crashLoop(CART, 2_000),
    cause: /failed|restart/i,
  },
  probe: {
    when: 'probe: { type: liveness, failures: 2 }',
    // Its own failures, seen by the kubelet's counters and by its Events.
    happen: ({ sim }) => void sim.scenario.failLiveness(CART),
    cause: /iveness probe/,
  },
  sequence: {
    // By the counters alone: no Event is a step of it.
    when: 'sequence: { within: 1m, steps: [{ probe: { type: liveness } }, { probe: { type: liveness } }] }',
    happen: ({ sim }) => void sim.scenario.failLiveness(CART),
    cause: /^liveness probe of app failed/,
  },
  terminating: {
    when: 'terminating: { causes: [delete], reserve: 20% }',
    happen: ({ sim }) => void sim.scenario.deletePod(CART, 20_000),
    cause: /pod shop.cart is being deleted/,
  },
  alert: {
    when: 'alert: { shape: falco, match: [{ field: priority, severityAtLeast: Critical }] }',
    async happen({ sim }, running) {
      const { life } = sim.scenario.running(CART);
      const fields = { 'container.id': life.containerId.slice(0, 12), 'k8s.ns.name': null };
      expect(await running.alert(falcoAlert({ output_fields: fields }))).toBe(202);
    },
    cause: /Terminal shell/,
  },
  schedule: {
    when: 'schedule: { cron: "*/15 * * * * *", timeZone: UTC }',
    happen: () => undefined,
    cause: /scheduled/,
  },
};

const liveness = { handler: 'tcpSocket', periodMs: 1_000, failureThreshold: 30 } as const;
const probed = {
  ...cart(),
  containers: cart().containers.map((one) => ({ ...one, liveness })),
};

const cases = Object.keys(KINDS).flatMap((kind) => [
  [kind, 'cri'] as const,
  [kind, 'kubelet'] as const,
]);

describe('the whole street', () => {
  it.each(cases)('leads from %s to an archive through %s', async (name, via) => {
    const kind = KINDS[name];
    if (!kind) throw new Error(name);
    const node = await startNode({ backOff: { minMs: 500, maxMs: 1_000 } });
    const target = 'target: { namespaces: [shop] }';
    const capture = `capture: { via: ${via} }, retain: { class: crash }`;
    node.rules('rule', rule('the-rule', `when: { ${kind.when} }, ${target}, ${capture}`));
    node.sim.scenario.addPod(name === 'probe' || name === 'sequence' ? probed : cart());
    node.sim.scenario.addPod({ ...cart({ name: 'bystander' }), namespace: 'other' });
    const running = await node.start();
    const { containerId: firstLife } = node.sim.scenario.running(CART).life;
    await kind.happen(node, running);

    const record = await running.archived();
    expect(record).toMatchObject({
      namespace: 'shop',
      pod: 'cart',
      container: 'app',
      node: 'sim-node',
      backend: via,
      retainClass: 'crash',
      verified: 'complete',
    });
    expect(record.trigger.causes[0]?.rule).toBe('the-rule');
    expect(record.trigger.causes[0]?.signal.text).toMatch(kind.cause);
    expect(record.containerId === firstLife).toBe(name !== 'crashLoop');
    const report = await verifyArchive(`${node.config.checkpointsDir}/${record.archive}`);
    expect(report).toMatchObject({
      verification: { kind: 'complete' },
      record: { kind: 'matches' },
    });
    const frozen = node.sim.happenings.all('frozen').map(({ pod }) => pod);
    expect(new Set(frozen)).toEqual(new Set(['cart']));
    expect(node.sim.happenings.all('thawed').length).toBe(frozen.length);
  });

  it('captures before the kernel kills', async () => {
    const node = await startNode();
    node.rules('rule', rule('leak', 'when: { memory: { above: 85% } }, target: {}'));
    node.sim.scenario.addPod(cart());
    const running = await node.start();
    const killed = node.sim.scenario.leak(CART, 50_000_000);
    const record = await running.archived();
    const { containerId } = await killed;
    expect(record.containerId).toBe(containerId);
    const [end] = node.sim.happenings.all('checkpoint-ended');
    expect(end?.code).toBe('OK');
  });

  it('gives one archive to seven copies of an alert, of the right container of two', async () => {
    const node = await startNode();
    const when = 'when: { alert: { shape: falco, match: [{ field: rule, glob: "Terminal*" }] } }';
    node.rules('rule', rule('shell', `${when}, target: {}`));
    node.sim.scenario.addPod({
      ...cart(),
      containers: [
        { name: 'app', memoryBytes: 32 * MIB },
        { name: 'sidecar', memoryBytes: 32 * MIB },
      ],
    });
    const running = await node.start();
    const { life } = node.sim.scenario.running({ ...CART, container: 'sidecar' });
    const fields = { 'container.id': life.containerId.slice(0, 12), 'k8s.ns.name': null };
    const alert = falcoAlert({ output_fields: fields });
    for (let copy = 0; copy < 7; copy++) expect(await running.alert(alert)).toBe(202);
    const record = await running.archived();
    expect(record.container).toBe('sidecar');
    expect(record.trigger.causes[0]?.signal.data).toMatchObject({ fields: { rule: alert.rule } });
    expect(node.sim.happenings.all('checkpoint-received')).toHaveLength(1);
    expect(running.of('decision')).toHaveLength(7);
  });

  it('writes an Event on the pod and counts what it did', async () => {
    const node = await startNode();
    node.rules('rule', rule('leak', 'when: { memory: { above: 85% } }, target: {}'));
    node.sim.scenario.addPod(cart());
    const running = await node.start();
    const told = new Promise<unknown>((resolve) => {
      node.sim.store.listen('events', ({ object }) => {
        if (String(object.reason).startsWith('Checkpoint')) resolve(object);
      });
    });
    node.sim.scenario.setMemory(CART, 240 * MIB);
    await running.archived();
    expect(await told).toMatchObject({
      reason: 'CheckpointCreated',
      metadata: { namespace: 'shop' },
    });
    const { address, port } = running.agent.http();
    const metrics = await (await fetch(`http://${address}:${port}/metrics`)).text();
    const counted = metrics
      .split('\n')
      .filter((line) => line.startsWith('stillpoint_captures_total'));
    expect(counted).toEqual([expect.stringMatching(/result="captured".* 1$/)]);
  });

  it('captures nothing that is denied, observed or not selected', async () => {
    const node = await startNode();
    const when = 'when: { event: { reason: Boom } }';
    node.rules('all', rule('everywhere', `${when}, target: {}`));
    node.rules('seen', rule('only-seen', `mode: observe, ${when}, target: {}`));
    node.rules('calm', rule('calm', 'when: { event: { reason: Boom, type: Normal } }, target: {}'));
    node.sim.scenario.addPod({ ...cart(), namespace: 'kube-system' });
    const running = await node.start({ deny: { namespaces: ['secret'] } });
    node.sim.scenario.addPod({ ...cart(), namespace: 'secret' });
    await running.first('signal', ({ signal }) => {
      return signal.kind === 'podChanged' && signal.pod.namespace === 'secret';
    });
    for (const namespace of ['kube-system', 'secret']) {
      const fields = { type: 'Warning', reason: 'Boom', message: 'x', container: 'app' } as const;
      node.sim.scenario.emitEvent({ namespace, pod: 'cart' }, fields);
      await running.first('decision', ({ decision }) => decision.target?.namespace === namespace);
    }
    const reasons = running.of('decision').map(({ decision }) => decision.reason);
    expect(reasons).toEqual(['denied', 'denied', 'denied', 'denied']);
    const { address, port } = running.agent.http();
    const metrics = await (await fetch(`http://${address}:${port}/metrics`)).text();
    expect(metrics).toContain('stillpoint_dropped_total{by="rules",reason="no-match"} 2');
    expect(node.sim.happenings.all('checkpoint-received')).toEqual([]);
  });
});
