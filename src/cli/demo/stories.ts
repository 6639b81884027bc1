import type { Agent, Fact } from '../../agent/index.ts';
import type { Clock } from '../../base/index.ts';
import type { Scenario } from '../../sim/index.ts';
import type { AlertDoor } from './alert-door.ts';
import type { Console } from './console.ts';

/** What a story works with. */
export interface Stage {
  scenario: Scenario;
  agent: Agent;
  door: AlertDoor;
  console: Console;
  clock: Clock;
}

const MIB = 2 ** 20;
const OPTED_IN = { 'stillpoint.dev/enabled': 'true' };
const STORY_MS_MAX = 20_000;

/** All stories, one after another; each ends when its archive is there. */
export const stories: readonly ((stage: Stage) => Promise<void>)[] = [
  leak,
  crashLoop,
  falcoAlert,
  liveness,
  schedule,
];

async function leak({ scenario, agent, console }: Stage): Promise<void> {
  console.story(
    'A leak that nears its limit',
    'shop/cart/app may use 256 MiB and grows by 60 MB/s: seconds until the kernel kills it.',
  );
  const name = { namespace: 'shop', pod: 'cart', container: 'app' };
  scenario.addPod({
    namespace: 'shop',
    name: 'cart',
    labels: OPTED_IN,
    owner: { kind: 'Deployment', name: 'cart' },
    containers: [{ name: 'app', memoryLimitBytes: 256 * MIB, memoryBytes: 40 * MIB }],
  });
  const archived = archiveOf(agent, 'cart');
  const killed = scenario.leak(name, 60_000_000);
  await archived;
  await killed;
  scenario.heal(name);
  console.say('         the kernel has OOM-killed it since, but the archive was made before');
}

async function crashLoop({ scenario, agent, console }: Stage): Promise<void> {
  console.story(
    'A crash loop',
    'pay/worker dies 1.5 s after each start. A dead container cannot be captured: its next life can.',
  );
  const name = { namespace: 'pay', pod: 'worker' };
  scenario.addPod({
    namespace: 'pay',
    name: 'worker',
    labels: OPTED_IN,
    owner: { kind: 'Deployment', name: 'worker' },
    containers: [{ name: 'worker', memoryBytes: 30 * MIB }],
  });
  const archived = archiveOf(agent, 'worker');
  // The loop goes on for as long as the story does.
  void scenario.crashLoop(name, 1_500);
  await archived;
  scenario.heal(name);
}

async function falcoAlert({ scenario, agent, door, console }: Stage): Promise<void> {
  console.story(
    'A Falco alert',
    `A shell was opened in shop/web/nginx, not in its sidecar; seven copies come through ${door.describe}.`,
  );
  const pod = scenario.addPod({
    namespace: 'shop',
    name: 'web',
    labels: OPTED_IN,
    owner: { kind: 'Deployment', name: 'web' },
    containers: [
      { name: 'nginx', memoryBytes: 60 * MIB },
      { name: 'log-shipper', memoryBytes: 20 * MIB },
    ],
  });
  const { life } = scenario.running({ namespace: 'shop', pod: pod.name, container: 'nginx' });
  await known(agent, 'web');
  const archived = archiveOf(agent, 'web');
  for (let copy = 0; copy < 7; copy++) await door.send(alertOf(life.containerId));
  await archived;
}

async function liveness({ scenario, agent, console }: Stage): Promise<void> {
  console.story(
    'A failing liveness probe',
    'The probe of shop/api fails. After three failures the kubelet kills it: two periods to act.',
  );
  scenario.addPod({
    namespace: 'shop',
    name: 'api',
    labels: OPTED_IN,
    owner: { kind: 'Deployment', name: 'api' },
    containers: [
      {
        name: 'api',
        memoryBytes: 50 * MIB,
        liveness: { handler: 'httpGet', periodMs: 2_000, failureThreshold: 3 },
      },
    ],
  });
  const archived = archiveOf(agent, 'api');
  // The kill itself is not waited for.
  void scenario.failLiveness({ namespace: 'shop', pod: 'api', container: 'api' });
  await archived;
  scenario.heal({ namespace: 'shop', pod: 'api', container: 'api' });
}

async function schedule({ scenario, agent, console }: Stage): Promise<void> {
  console.story(
    'A schedule, and retention',
    'batch/report is captured every five seconds; its policy keeps the newest two.',
  );
  scenario.addPod({
    namespace: 'batch',
    name: 'report',
    labels: { demo: 'scheduled' },
    containers: [{ name: 'report', memoryBytes: 25 * MIB }],
  });
  await agent.facts.next('swept', removedSomething, STORY_MS_MAX);
}

function removedSomething({ report }: Extract<Fact, { kind: 'swept' }>): boolean {
  return report.results.some(({ kind }) => kind === 'removed');
}

/** Resolves once the pod has an archive; rejects when the story takes far too long. */
async function archiveOf(agent: Agent, pod: string): Promise<void> {
  await agent.facts.next(
    'ended',
    ({ outcome }) => outcome.kind === 'archived' && outcome.trigger.target.pod === pod,
    STORY_MS_MAX,
  );
}

/** Resolves once the agent has seen the pod run: an alert before that finds no target. */
async function known(agent: Agent, pod: string): Promise<void> {
  await agent.facts.next(
    'signal',
    ({ signal }) =>
      signal.kind === 'podChanged' && signal.pod.name === pod && signal.pod.phase === 'Running',
    STORY_MS_MAX,
  );
}

/** What Falco writes and falcosidekick passes on; the pod's name is missing, as it often is. */
function alertOf(containerId: string): unknown {
  return {
    output: 'A shell was spawned in a container with an attached terminal',
    priority: 'Critical',
    rule: 'Terminal shell in container',
    source: 'syscall',
    tags: ['container', 'shell'],
    output_fields: {
      'container.id': containerId.slice(0, 12),
      'k8s.ns.name': null,
      'k8s.pod.name': null,
      'proc.cmdline': 'sh -i',
    },
  };
}
