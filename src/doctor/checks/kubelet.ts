import {
  type CheckpointVerdict,
  checkpointRefusals,
  judgeCheckpointReply,
  type KubeletConfig,
} from '../../kube/index.ts';
import { type Answer, answerOf, defineCheck, type Trouble } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

/**
 * No pod can have such a name (RFC 1123 has no capitals), so that nothing is ever checkpointed: the
 * kubelet judges identity, right and feature gate first, and says last that there is no such pod.
 */
export const NO_SUCH_POD = {
  namespace: 'stillpoint-doctor',
  pod: 'NO-SUCH-POD',
  container: 'none',
} as const;

export interface KubeletFacts {
  /** Where it is asked; else why it is not known where. */
  address: Answer<string>;
  verdict: Answer<CheckpointVerdict>;
  config: Answer<Pick<KubeletConfig, 'checkpointGate' | 'debuggingHandlers'>>;
  /** As the Node object tells it. */
  version?: string;
}

/** Whether the kubelet would take a checkpoint for us. */
export const kubeletCheck = defineCheck('kubelet', askKubelet, judgeKubelet);

async function askKubelet(outside: Outside, signal: AbortSignal): Promise<KubeletFacts> {
  const address = await answerOf(askAddress(outside));
  if (!address.ok) return { address, verdict: address, config: address };
  const [config, node, verdict] = await Promise.all([
    answerOf(outside.kubeletConfig()),
    answerOf(outside.nodeObject()),
    answerOf(askForCheckpoint(outside, signal)),
  ]);
  const version = node.ok ? node.value.status?.nodeInfo?.kubeletVersion : undefined;
  return { address, verdict, config, version };
}

/** The API server may be needed for it. */
async function askAddress(outside: Outside): Promise<string> {
  if (outside.config.kubelet.through === 'direct') return outside.kubeletAddress();
  return (await outside.kubelet()).address;
}

async function askForCheckpoint(outside: Outside, signal: AbortSignal): Promise<CheckpointVerdict> {
  const kubelet = await outside.kubelet();
  const reply = await kubelet.requestCheckpoint({ ...NO_SUCH_POD, timeoutSeconds: 1 }, signal);
  return judgeCheckpointReply(reply, NO_SUCH_POD);
}

export function judgeKubelet(facts: KubeletFacts): Finding[] {
  const { verdict } = facts;
  if (!facts.address.ok) return [judgeNoAddress(facts.address.error)];
  const address = facts.address.value;
  if (!verdict.ok) return [judgeTrouble(verdict.error)];
  const { value } = verdict;
  if (value.kind === 'done') {
    const what = `${address} checkpointed a container that cannot exist: ${value.archivePath}`;
    return [fail('bad-answer', what, 'Find out what answers there: it is no kubelet.')];
  }
  switch (value.code) {
    case 'pod-unknown':
      return [ok(`${address} takes checkpoints from us`)];
    case 'forbidden': {
      const next = `${value.hint ?? 'Grant create on nodes/checkpoint'} (a refusal is kept for 30 s)`;
      return [warn('forbidden', `${address}: ${value.message}`, next)];
    }
    case 'unauthorized': {
      const next =
        'Set authentication.webhook.enabled in the kubelet: it then asks the API server about us.';
      return [fail('unauthorized', `${address}: ${value.message}`, next)];
    }
    case 'endpoint-off':
      return [judgeEndpointOff(facts, address)];
    case 'authorization-unavailable':
    case 'kubelet-unreachable': {
      const next = 'Check that kubelet and API server reach each other.';
      return [fail(value.code, `${address}: ${value.message}`, next)];
    }
    case 'node-unknown': {
      const next = 'Set `node` in stillpoint.yaml or $NODE_NAME as `kubectl get nodes` names it.';
      return [fail('node-unknown', `${address}: ${value.message}`, next)];
    }
    default: {
      const next = `Check that a kubelet answers at ${address}; see its log.`;
      return [fail(value.code, `${address}: ${value.message}`, next)];
    }
  }
}

function judgeEndpointOff({ config, version }: KubeletFacts, address: string): Finding {
  const given = config.ok ? config.value : {};
  if (given.debuggingHandlers === false) {
    const what = `${address} has no checkpoint endpoint: enableDebuggingHandlers is false`;
    const next = 'Set enableDebuggingHandlers: true in the configuration of the kubelet.';
    return fail('handlers-off', what, next);
  }
  const next =
    'Set featureGates: {ContainerCheckpoint: true} in the configuration of the kubelet and ' +
    'restart it (default on since Kubernetes 1.30).';
  if (given.checkpointGate === false) {
    const what = `${address} has no checkpoint endpoint: feature gate ContainerCheckpoint is off`;
    return fail('gate-off', what, next);
  }
  const by = version === undefined ? '' : ` (kubelet ${version})`;
  return fail('gate-off', `${checkpointRefusals['endpoint-off']}${by}`, next);
}

function judgeTrouble({ code, message, hint }: Trouble): Finding {
  switch (code) {
    case 'tls-untrusted':
      return fail('tls-untrusted', message, 'See the check kubelet-certificate.');
    case 'unreachable':
    case 'timeout': {
      const next =
        'Check that the kubelet runs, and kubelet.address; a network policy must let us through.';
      return fail('unreachable', message, next);
    }
    case 'bad-config':
      return skipped('no-identity', message);
    default:
      return fail(code, message, hint);
  }
}

function judgeNoAddress({ code, message }: Trouble): Finding {
  if (code === 'forbidden' || code === 'not-found') {
    return fail('address-unknown', message, 'Set kubelet.address, or see the check node.');
  }
  return skipped('address-unknown', `the API server did not tell its address: ${message}`);
}
