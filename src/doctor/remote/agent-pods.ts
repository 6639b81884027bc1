import type { ApiClient } from '../../kube/index.ts';

/** The pod of an agent. */
export interface AgentPod {
  namespace: string;
  name: string;
  node: string;
  image: string;
  isRunning: boolean;
}

/** How deploy/ labels the agent's pods. */
const SELECTOR = 'app.kubernetes.io/name=stillpoint,app.kubernetes.io/component=agent';

/** The agents' pods of a namespace, of one node or of all. Errors: those of ApiClient.json. */
export async function findAgentPods(
  api: ApiClient,
  namespace: string,
  node?: string,
): Promise<AgentPod[]> {
  const query = new URLSearchParams({ labelSelector: SELECTOR });
  if (node !== undefined) query.set('fieldSelector', `spec.nodeName=${node}`);
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods?${query}`;
  const { items = [] } = await api.json<PodList>({ method: 'GET', path });
  return items.flatMap(({ metadata, spec, status }) => {
    const image = spec?.containers?.[0]?.image;
    if (!metadata?.name || !spec?.nodeName || !image) return [];
    const isRunning = status?.phase === 'Running' && metadata.deletionTimestamp === undefined;
    return [{ namespace, name: metadata.name, node: spec.nodeName, image, isRunning }];
  });
}

interface PodList {
  items?: {
    metadata?: { name?: string; deletionTimestamp?: string };
    spec?: { nodeName?: string; containers?: { image?: string }[] };
    status?: { phase?: string };
  }[];
}
