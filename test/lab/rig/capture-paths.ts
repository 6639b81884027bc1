import { connect } from 'nats';
import type { FactOf } from '../../../src/agent/index.ts';
import { labInfo, waitFor } from '../lib/index.ts';
import { type LabAgent, type LabAgentOptions, startLabAgent } from './lab-agent.ts';
import { optedIn, ruleText } from './rules.ts';

/** The ways to the same archive that are held against each other. */
export const paths = ['kubelet', 'cri', 'containerd-calm', 'containerd-race'] as const;
export type Path = (typeof paths)[number];

const captures: Record<Path, string> = {
  kubelet: 'via: kubelet',
  cri: 'via: cri',
  'containerd-calm': 'via: containerd, sequence: calm, consistency: running',
  'containerd-race': 'via: containerd, sequence: race, consistency: frozen',
};

/** Pods that the rules of all paths reach. */
export const pathLabels = optedIn;

/** The real agent with one rule a path, each fired by an alert of its name. */
export interface PathAgent extends LabAgent {
  /** Captures that container on that path; resolves with how it ended. */
  capture(path: Path, containerId: string): Promise<FactOf<'ended'>['outcome']>;
}

export type PathAgentOptions = Omit<LabAgentOptions, 'rules'> & {
  /** Further keys of `spec.capture` on the paths through containerd itself, in flow style. */
  more?: string;
  /** Archives that are kept; default: all. */
  keepLast?: number;
};

const ENDED_MS_MAX = 300_000;

export async function startPathAgent(options: PathAgentOptions = {}): Promise<PathAgent> {
  const { change = (config) => config } = options;
  const agent = await startLabAgent({
    ...options,
    rules: pathRules(options),
    change: (config) =>
      change({ ...config, limits: { ...config.limits, capturesPerHour: 10_000 } }),
  });
  // Without a guard process nothing is paused: a race would be calm.
  await waitFor('the guard process', async () => {
    const { guard } = await agent.agent.status();
    if (guard.state === 'live') return true;
    throw new Error(guard.why);
  });
  const publish = await openAlerts();
  return {
    ...agent,
    async capture(path, containerId) {
      const ended = agent.agent.facts.next('ended', () => true, ENDED_MS_MAX);
      publish.alert(path, containerId);
      return (await ended).outcome;
    },
    async stop() {
      await publish.close();
      await agent.stop();
    },
  };
}

/** One rule a path, as YAML. */
export function pathRules({ more, keepLast }: PathAgentOptions = {}): string {
  const moreOf = (path: Path) => (more && path.startsWith('containerd') ? `, ${more}` : '');
  const rules = paths.map((path) =>
    ruleText({
      name: path,
      when: `{ alert: { shape: falco, match: [ { field: rule, equals: ${path} } ] } }`,
      capture: `{ ${captures[path]}, freeze: { max: 10m }${moreOf(path)} }`,
      cooldown: '0s',
      retainClass: 'paths',
    }),
  );
  const policy = `
apiVersion: stillpoint.dev/v1alpha1
kind: RetentionPolicy
metadata: { name: newest }
spec:
  select: { classes: [paths] }
  groupBy: [namespace, container]
  keep: { last: ${keepLast} }
`;
  return [...rules, ...(keepLast === undefined ? [] : [policy])].join('---\n');
}

/** Fires the rules of the paths, in whatever agent of the lab has them. */
export async function openAlerts(): Promise<{
  alert(path: Path, containerId: string): void;
  close(): Promise<void>;
}> {
  const nats = await connect({ servers: labInfo().nats.url });
  return {
    alert: (path, containerId) => nats.publish('falco.lab', alertFor(path, containerId)),
    close: () => nats.drain(),
  };
}

/** As falcosidekick publishes it; names one container by the first digits of its id. */
function alertFor(path: Path, containerId: string): string {
  return JSON.stringify({
    rule: path,
    priority: 'Critical',
    output: 'asked for by the lab',
    source: 'syscall',
    time: new Date().toISOString(),
    output_fields: { 'container.id': containerId.slice(0, 12) },
  });
}
