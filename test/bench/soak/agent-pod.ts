import { containerPid, getPod, type LabNode } from '../../lab/lib/index.ts';
import { agentPodOn, installedIn } from '../../lab/rig/installed.ts';
import { openContainer, type Usage } from './container.ts';

/** The agent's pod, as it is looked at from outside: never by a command that runs inside it. */
export interface AgentPod {
  name: string;
  httpUrl: string;
  environment: string;
  usage(): Usage;
  /** The series of `/metrics` that are not zero; what is in braces belongs to the name. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Throws when it is another pod or another life of its container by now. */
  assertSameLife(): Promise<void>;
}

export async function openAgentPod(node: LabNode): Promise<AgentPod> {
  const name = await agentPodOn(node);
  const { status } = await getPod(name, installedIn);
  const id = status.containerStatuses?.[0]?.containerID?.split('://')[1];
  if (id === undefined || status.podIP === undefined) throw new Error(`${name} does not run`);
  const container = openContainer(await containerPid(node, id));
  const httpUrl = `http://${status.podIP}:9466`;
  return {
    name,
    httpUrl,
    environment: container.environment(),
    usage: container.usage,
    metrics: () => readMetrics(httpUrl),
    assertSameLife: async () => {
      const now = await getPod(name, installedIn);
      const [{ containerID = '', lastState = {} } = {}] = now.status.containerStatuses ?? [];
      if (containerID.endsWith(id)) return;
      throw new Error(`the agent was restarted: ${JSON.stringify(lastState)}`);
    },
  };
}

async function readMetrics(httpUrl: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  const series = [...text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm)];
  return new Map(
    series.map(([, key = '', value]) => [key, Number(value)] as const).filter(([, n]) => n !== 0),
  );
}
