import { CANARY_POD_PREFIX } from '../../agent/index.ts';
import { isStillpointError } from '../../base/index.ts';
import { classifyFailure, type FailureClass, failureClasses } from '../../capture/index.ts';
import { answerOf, defineCheck, type Trouble } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';
import { instant } from './certificate.ts';
import { askHostCriu, type HostCriu } from './host-criu.ts';

export interface CriuFacts {
  /** What the runtime said to a checkpoint of a container that does not exist. */
  said:
    | { kind: 'no-container' }
    | { kind: 'refused'; failure: FailureClass; text: string }
    | Silent;
  /** CRIU as the runtime finds it, where that can be seen from here. */
  host: HostCriu;
  /** The newest capture of the agent that ended with an archive, ms; undefined = none known. */
  provenMs?: number;
  /** The newest canary that could not be captured since; undefined = none. */
  canaryFailedMs?: number;
}

interface Silent {
  kind: 'silent';
  error: Trouble;
}

/** Not one of the ids that runtimes give, which are 64 hexadecimal digits. */
const NO_SUCH_CONTAINER = 'stillpoint-doctor-no-such-container';

/**
 * Whether CRIU is there and works. Both containerd (container_checkpoint_linux.go) and CRI-O
 * (container_checkpoint.go) look for CRIU before they look for the container, so that a checkpoint
 * of one that does not exist tells it and touches nothing.
 */
export const criuCheck = defineCheck('criu', askCriu, judgeCriu);

async function askCriu(outside: Outside, signal: AbortSignal): Promise<CriuFacts> {
  const [said, host, status] = await Promise.all([
    askRuntime(outside, signal),
    askHostCriu(outside, signal),
    answerOf(outside.agentStatus()),
  ]);
  return { said, host, ...lookBack(status.ok ? status.value.recent : []) };
}

/** What the agent's last captures prove. Of those that failed only canaries count: nothing of
 * their own stands in the way. Pure. */
export function lookBack(
  recent: readonly { target: string; state: string; acceptedMs: number }[],
): Pick<CriuFacts, 'provenMs' | 'canaryFailedMs'> {
  const newest = (of: typeof recent) =>
    of.length === 0 ? undefined : Math.max(...of.map(({ acceptedMs }) => acceptedMs));
  const provenMs = newest(recent.filter(({ state }) => state === 'recorded'));
  const canaryFailedMs = newest(
    recent.filter(({ target, state }) => {
      return state === 'failed' && target.split('/')[1]?.startsWith(CANARY_POD_PREFIX);
    }),
  );
  const isNews = canaryFailedMs !== undefined && canaryFailedMs > (provenMs ?? 0);
  return { provenMs, canaryFailedMs: isNews ? canaryFailedMs : undefined };
}

async function askRuntime(
  { runtime, config }: Outside,
  signal: AbortSignal,
): Promise<CriuFacts['said']> {
  const containerId = NO_SUCH_CONTAINER;
  const location = `${config.checkpointsDir}/.stillpoint-doctor.tar`;
  try {
    await runtime.checkpoint({ containerId, location, timeoutMs: 10_000 }, signal);
    return { kind: 'refused', failure: 'unknown', text: 'it checkpointed what does not exist' };
  } catch (error) {
    if (!isStillpointError(error)) throw error;
    const { code, message, hint, details } = error;
    const text = typeof details.grpcText === 'string' ? details.grpcText : message;
    return fromRefusal({ code, message, hint }, text);
  }
}

/** What the refusal means: the one that must come is that there is no such container. */
export function fromRefusal(error: Trouble, text: string): CriuFacts['said'] {
  if (error.code === 'unsupported')
    return { kind: 'refused', failure: 'runtime-unsupported', text };
  const failure = classifyFailure(text);
  if (failure === 'target-gone' || error.code === 'not-found') return { kind: 'no-container' };
  if (['unreachable', 'timeout', 'cancelled'].includes(error.code))
    return { kind: 'silent', error };
  return { kind: 'refused', failure, text };
}

export function judgeCriu({ said, host, provenMs, canaryFailedMs }: CriuFacts): Finding[] {
  if (said.kind === 'silent') return [skipped('runtime-silent', said.error.message)];
  if (said.kind === 'refused') {
    const { meaning, hint } = failureClasses[said.failure];
    return [fail(said.failure, `${meaning}: ${said.text}`, hint)];
  }
  const found = host.kind === 'found' || host.kind === 'tried' ? ` (${host.path})` : '';
  if (host.kind === 'tried' && !host.works) {
    const what = `${host.version}${found} cannot work on this kernel: ${host.said}`;
    return [fail('criu-too-old', what, failureClasses['criu-too-old'].hint)];
  }
  if (canaryFailedMs !== undefined) {
    const what = `the last canary, of ${instant(canaryFailedMs)}, could not be captured${found}`;
    return [fail('canary-failed', what, 'Run `stillpoint doctor --canary`: it says why.')];
  }
  if (provenMs !== undefined) {
    return [ok(`proven by the capture of ${instant(provenMs)}${found}`)];
  }
  if (host.kind === 'tried') return [ok(`${host.version}${found}: criu check: ${host.said}`)];
  const what = `the runtime finds it${found}; whether it works on this kernel is not proven`;
  const next = 'Run `stillpoint doctor --canary`, which captures a pod of its own.';
  return [warn('not-proven', what, next)];
}
