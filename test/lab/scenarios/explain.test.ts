import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAgentClient } from '../../../src/cli/agent-client.ts';
import type { ContainerExplanation } from '../../../src/rules/index.ts';
import { deletePod, labInfo, nodeOf, startWorkPod, waitFor } from '../lib/index.ts';
import { emptyCheckpoints, type LabAgent, optedIn, startLabAgent } from '../rig/index.ts';

const node = nodeOf(labInfo());
let running: LabAgent;

const OURS = 'podSelector: { matchLabels: { stillpoint.dev/enabled: "true" } }';
const LIVENESS = 'event: { reason: Unhealthy, message: { contains: "Liveness probe failed" }';

/** Rule → its spec. Only `liveness` captures: a pod that stands still is not probed. */
const specs: Record<string, string> = {
  off: `enabled: false, when: { memory: { above: 10% } }, target: {}`,
  elsewhere: `when: { memory: { above: 10% } }, target: { namespaces: [shop] }`,
  'no-map':
    'when: { alert: { shape: json/none, match: [{ field: a, exists: true }] } }, target: {}',
  watched: `mode: observe, when: { ${LIVENESS} } }, target: { ${OURS} }`,
  patient: `when: { ${LIVENESS}, atLeast: 50, within: 1h } }, target: { ${OURS} }`,
  otherwise: `when: { event: { reason: Unhealthy, message: { contains: Startup } } }, target: { ${OURS} }`,
  silent: `when: { event: { reason: NodeNotReady } }, target: { ${OURS} }`,
  liveness: `when: { ${LIVENESS} } }, target: { ${OURS} }, limits: { cooldown: 5m }`,
  full: `mode: observe, when: { memory: { above: 80% } }, target: { ${OURS} }`,
  loop: `when: { crashLoop: { restarts: 1, within: 10m, capture: { after: 1m } } }, target: { ${OURS} }`,
  nightly: `when: { schedule: { cron: "0 2 * * *" } }, target: { ${OURS} }`,
};

const rules = Object.entries(specs)
  .map(
    ([name, spec]) =>
      `apiVersion: stillpoint.dev/v1alpha1\nkind: CheckpointRule\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`,
  )
  .join('---\n');

const probe = {
  httpGet: { path: '/', port: 8080 },
  periodSeconds: 10,
  failureThreshold: 100,
};

/** What the rule says of the only container of the pod, asked at the agent's socket. */
async function ask(pod: string, rule: string): Promise<[answer: string, detail: string]> {
  const client = createAgentClient(running.config.socket);
  const query = { namespace: 'default', pod, rule };
  const [one] = await client.json<ContainerExplanation[]>('POST', '/v1/explain', query);
  const [found] = one?.rules ?? [];
  return [found?.answer ?? 'none', found?.detail ?? ''];
}

beforeAll(async () => {
  emptyCheckpoints(node);
  running = await startLabAgent({ rules });
  const label = { 'app.kubernetes.io/name': 'stillpoint' };
  await Promise.all([
    startWorkPod({
      name: 'fat',
      labels: optedIn,
      command: ['hog', '400', '110', '0'],
      memory: '128Mi',
    }),
    startWorkPod({ name: 'broken', labels: optedIn, command: ['sh', '-c', 'sleep 1; exit 3'] }),
    startWorkPod({ name: 'stranger', command: ['counter'] }),
    startWorkPod({ name: 'ours', labels: { ...optedIn, ...label }, command: ['counter'] }),
  ]);
  // Last: its probe fails at once, and again ten seconds later.
  await startWorkPod({
    name: 'sick',
    labels: optedIn,
    command: ['counter'],
    container: { livenessProbe: probe },
  });
});

afterAll(async () => {
  await running?.stop();
  await Promise.all(['sick', 'fat', 'broken', 'stranger', 'ours'].map((pod) => deletePod(pod)));
});

describe('rules explain on a real node', () => {
  it.each<[answer: string, pod: string, rule: string, detail: RegExp]>([
    ['fired', 'sick', 'liveness', /1 of 1 within .*; now cooldown: until /],
    ['observed', 'sick', 'watched', /^at .*Liveness probe failed/],
    ['disabled', 'fat', 'off', /^$/],
    ['not-selected', 'fat', 'elsewhere', /^target\.namespaces: default, wants shop$/],
    ['not-selected', 'stranger', 'full', /^target\.podSelector: no label stillpoint\.dev\/enabled/],
    ['denied', 'ours', 'full', /^label app\.kubernetes\.io\/name=stillpoint$/],
    ['no-source', 'sick', 'no-map', /^alerts\.json has no map/],
    ['no-signal', 'sick', 'silent', /^no Event NodeNotReady about the pod since /],
    ['no-signal', 'sick', 'nightly', /^next at .*T02:00:00\.000Z$/],
    ['cooldown', 'sick', 'liveness', /^until /],
    ['window-open', 'sick', 'patient', /^\d+ of 50 within 1h$/],
    ['no-match', 'sick', 'otherwise', /of this reason, the last at .*Liveness probe failed/],
    ['once-a-life', 'fat', 'full', /^fired at .* in this life; fires again in its next life$/],
    ['armed', 'broken', 'loop', /^captures (its next life, 1m after its start|at )/],
    [
      'not-running',
      'broken',
      'full',
      /^(waiting: CrashLoopBackOff|terminated: Error \(exit code 3\))$/,
    ],
  ])('says %s of %s and rule %s', async (answer, pod, rule, detail) => {
    const found = await waitFor(
      `${answer} of ${rule} for ${pod}`,
      async () => {
        const now = await ask(pod, rule);
        if (now[0] === answer) return now;
        throw new Error(now.join(': '));
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );
    expect(found[1]).toMatch(detail);
  });
});
