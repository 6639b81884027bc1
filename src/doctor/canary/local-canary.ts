import { answerOf, type Trouble } from '../check.ts';
import { type Finding, fail, type Line } from '../line.ts';
import type { Outside } from '../outside.ts';
import { findAgentPods } from '../remote/agent-pods.ts';
import type { CanaryAgent } from './canary-agent.ts';
import { withCanaryPod } from './canary-pod.ts';
import { captureCanary } from './capture-canary.ts';

export interface LocalCanaryOptions {
  namespace: string;
  /** Default: the image of the agent's pod on this node. */
  image?: string;
}

/** Makes a pod on this node, as whoever we are, captures it, and takes it away again. */
export async function runLocalCanary(
  outside: Pick<Outside, 'api' | 'clock' | 'random' | 'config'>,
  agent: CanaryAgent,
  { namespace, image }: LocalCanaryOptions,
  signal: AbortSignal,
): Promise<Line[]> {
  const { clock, random, config } = outside;
  const lines = await answerOf(
    (async () => {
      const api = await outside.api();
      const found = image === undefined ? await findAgentPods(api, namespace, config.node) : [];
      const used = image ?? found[0]?.image;
      if (used === undefined) return [canaryLine(noImage(config.node, namespace))];
      const options = { node: config.node, namespace, image: used, isOurs: image === undefined };
      return withCanaryPod({ api, clock, random, signal }, options, (target) =>
        captureCanary(agent, target, clock),
      );
    })(),
  );
  return lines.ok ? lines.value : [canaryLine(judgeCanaryTrouble(lines.error, false))];
}

export function canaryLine(finding: Finding): Line {
  return { check: 'canary', ...finding };
}

function noImage(node: string, namespace: string): Finding {
  const what = `no agent's pod runs on ${node} in namespace ${namespace}, so its image is not known`;
  return fail('no-image', what, 'Name an image whose own command keeps running: --canary-image.');
}

/** Why there was no pod to capture. Pure. */
export function judgeCanaryTrouble({ code, message, hint }: Trouble, isOutside: boolean): Finding {
  if (code !== 'forbidden') return fail(code, message, hint);
  const rights = 'pods: create, get and delete in the namespace of Stillpoint';
  const next = isOutside
    ? `Use a kubeconfig that may make pods (${rights}).`
    : `The agent may make none: run \`stillpoint doctor --node NODE --canary\` where you may (${rights}).`;
  return fail('forbidden', message, next);
}
