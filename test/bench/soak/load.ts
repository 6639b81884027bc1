import type { NatsConnection } from 'nats';
import { createRandom, systemClock } from '../../../src/base/index.ts';
import { apply, deletePod, workPod } from '../../lab/lib/index.ts';
import { optedIn } from '../../lab/rig/rules.ts';
import type { Beat } from './beats.ts';
import { alertsToken, scheduled } from './settings.ts';

const random = createRandom(1);
const NOTHING = ['sleep', '1000000'];

/** Short ids of containers that alerts speak of. */
export interface LoadOn {
  containerIds: readonly string[];
  nats: NatsConnection;
  agentUrl: string;
}

/** Pods that opted in and do nothing; their memory is watched all the same. */
export async function startIdlePods(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, n) => `idle-${n}`);
  await applyPods(names.map((name) => ({ name, command: NOTHING, memory: '64Mi' })));
  return names;
}

/**
 * What may go on at a node, all of it at once, at a pace that leaves the machine to others: about
 * 350 captures an hour, and ten times as many signals that lead to none.
 */
export function mixedLoad(on: LoadOn): readonly Beat[] {
  return [...podBeats(), ...natsBeats(on), ...webhookBeats(on)];
}

function podBeats(): Beat[] {
  const names = (kind: string, turn: number) => ({
    old: `${kind}-${turn - 1}`,
    now: `${kind}-${turn}`,
  });
  const replace =
    (kind: string, pod: (turn: number) => Omit<PodOf, 'name'>) => async (turn: number) => {
      const { old, now } = names(kind, turn);
      if (turn > 0) await deletePod(old);
      await applyPods([{ name: now, ...pod(turn) }]);
    };
  return [
    {
      name: 'two pods of the schedule',
      every: Number.POSITIVE_INFINITY,
      at: 0,
      run: () =>
        applyPods(
          ['nightly-a', 'nightly-b'].map((name) => ({
            name,
            command: ['counter'],
            labels: scheduled,
          })),
        ),
    },
    {
      name: 'a container that leaks to its limit and is killed',
      every: 60,
      at: 10,
      run: replace('leak', () => ({
        command: ['hog', '20', '400', '1'],
        memory: '128Mi',
        spec: { restartPolicy: 'Never' },
      })),
    },
    {
      name: 'a crash loop',
      every: 300,
      at: 3,
      run: replace('crash', () => ({ command: ['sh', '-c', 'sleep 3; exit 7'] })),
    },
    {
      name: 'liveness probes that fail, each second time until the container is killed',
      every: 240,
      at: 6,
      run: replace('sick', (turn) => ({
        command: ['counter'],
        container: {
          livenessProbe: {
            httpGet: { path: '/', port: 8080 },
            periodSeconds: 5,
            failureThreshold: turn % 2 === 0 ? 1_000 : 4,
          },
        },
      })),
    },
    {
      name: 'a pod that comes and goes',
      every: 20,
      at: 15,
      run: replace('churn', () => ({ command: NOTHING, memory: '64Mi' })),
    },
  ];
}

interface PodOf {
  name: string;
  command: readonly string[];
  labels?: Record<string, string>;
  memory?: string;
  container?: object;
  spec?: object;
}

async function applyPods(pods: readonly PodOf[]): Promise<void> {
  const items = pods.map((pod) => workPod({ ...pod, labels: { ...optedIn, ...pod.labels } }));
  await apply({ apiVersion: 'v1', kind: 'List', items });
}

function natsBeats({ nats, containerIds }: LoadOn): Beat[] {
  const publish = (subject: string, payload: string) => nats.publish(`falco.${subject}`, payload);
  return [
    {
      name: 'a critical alert, in two copies',
      every: 30,
      at: 20,
      run: (turn) => {
        const alert = alertText('Critical', pick(containerIds), turn);
        for (let copy = 0; copy < 2; copy++) publish('critical.terminal_shell', alert);
      },
    },
    {
      name: 'alerts below the severity that a rule asks for, and of containers elsewhere',
      every: 1,
      at: 1,
      run: (turn) => {
        for (let n = 0; n < 4; n++) {
          publish('notice.read', alertText('Notice', pick(containerIds), turn * 4 + n));
        }
        publish('critical.elsewhere', alertText('Critical', randomHex(12), turn));
      },
    },
    {
      name: 'what is no alert at all',
      every: 7,
      at: 2,
      run: (turn) => {
        const kinds = ['{"rule":', '[]', '{"output":7}', 'x'.repeat(100_000), randomHex(5_000)];
        publish('garbage', kinds[turn % kinds.length] ?? '');
      },
    },
  ];
}

function webhookBeats({ agentUrl, containerIds }: LoadOn): Beat[] {
  const post = async (body: string, token: string, status: number) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const url = `${agentUrl}/alerts/falco`;
    const reply = await fetch(url, { method: 'POST', body, headers });
    await reply.arrayBuffer();
    if (reply.status !== status) throw new Error(`status ${reply.status}, not ${status}`);
  };
  return [
    {
      name: 'a posted alert that matches nothing',
      every: 10,
      at: 4,
      run: (turn) => post(alertText('Warning', pick(containerIds), turn), alertsToken, 202),
    },
    {
      name: 'a posted critical alert',
      every: 120,
      at: 45,
      run: (turn) => post(alertText('Critical', pick(containerIds), turn), alertsToken, 202),
    },
    {
      name: 'posted garbage',
      every: 60,
      at: 25,
      run: () => post(randomHex(10_000), alertsToken, 400),
    },
    {
      name: 'a post without the right token',
      every: 60,
      at: 35,
      run: () => post(alertText('Critical', pick(containerIds), 0), 'not-the-right-token', 401),
    },
  ];
}

/** As falcosidekick publishes it; no two are alike, so that whatever keeps them would grow. */
function alertText(priority: string, containerId: string, n: number): string {
  const command = `cat /data/${randomHex(16)} --token=${randomHex(32)}`;
  return JSON.stringify({
    uuid: randomHex(32),
    output: `Sensitive file opened (user=root command=${command} container=${containerId})`,
    priority,
    rule: `Rule number ${n % 200}`,
    source: 'syscall',
    time: new Date(systemClock.wallMs()).toISOString(),
    hostname: 'node1',
    tags: ['container', 'mitre_execution'],
    output_fields: {
      'container.id': containerId,
      'container.image.repository': 'registry.example/app',
      'evt.time': systemClock.wallMs() * 1e6,
      'proc.cmdline': command,
      'proc.pname': 'sh',
      'user.name': 'root',
    },
  });
}

function pick(all: readonly string[]): string {
  return all[random.integer(0, all.length - 1)] ?? '';
}

function randomHex(digits: number): string {
  let text = '';
  while (text.length < digits) text += random.integer(0, 15).toString(16);
  return text;
}
