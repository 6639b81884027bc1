import { readlink, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KubeletConfig } from '../../kube/index.ts';
import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

export interface KubeletConfigFacts {
  config: Answer<KubeletConfig>;
  /** runtime.socket of ours, links followed where it exists. */
  socket: string;
  /** The kubelet's, the same way; undefined when it tells none or no unix socket. */
  kubeletSocket?: string;
}

/** What the kubelet's own configuration means for us: the runtime it uses, what it evicts at. */
export const kubeletConfigCheck = defineCheck('kubelet-config', askConfig, judgeKubeletConfig);

async function askConfig({ config, kubeletConfig }: Outside): Promise<KubeletConfigFacts> {
  const answer = await answerOf(kubeletConfig());
  const endpoint = answer.ok ? answer.value.containerRuntimeEndpoint : undefined;
  const path = endpoint?.replace(/^unix:\/\//, '');
  return {
    config: answer,
    socket: await followed(config.runtime.socket),
    kubeletSocket: path?.startsWith('/') ? await followed(path) : undefined,
  };
}

/** /var/run is a link to /run on most systems; a path that is not there stays as it is. */
async function followed(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(path)), path.slice(dirname(path).length + 1));
  } catch {
    // Not visible from here, as in a pod: the link that all systems have is followed by name.
    return path.startsWith('/var/run/') && (await isLink('/var/run')) ? path.slice(4) : path;
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await readlink(path)) !== '';
  } catch {
    // No link, or not there: then nothing is followed.
    return false;
  }
}

export function judgeKubeletConfig(facts: KubeletConfigFacts): Finding[] {
  const { config, socket, kubeletSocket } = facts;
  if (!config.ok) {
    const { code, message, hint } = config.error;
    if (code !== 'forbidden') return [skipped('not-asked', message)];
    const what = `${message}: its eviction thresholds are guessed`;
    return [warn('forbidden', what, hint)];
  }
  const { cgroupDriver = 'unknown', evictionHard } = config.value;
  if (kubeletSocket !== undefined && kubeletSocket !== socket) {
    const what = `the kubelet uses the runtime at ${kubeletSocket}, runtime.socket is ${socket}`;
    return [fail('other-runtime', what, `Set runtime.socket to ${kubeletSocket}.`)];
  }
  const floors = Object.entries(evictionHard).map(([signal, value]) => `${signal}<${value}`);
  const shown = floors.length > 0 ? floors.join(', ') : 'nothing';
  return [ok(`cgroup driver ${cgroupDriver}, evicts at ${shown}`)];
}
