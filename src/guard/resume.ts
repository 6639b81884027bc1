import type { Clock, Logger } from '../base/index.ts';
import { ensureThawed, isTraced, type ThawQuestion } from '../capture/index.ts';
import type { PauseIntent, ResumedWhy } from '../lease/index.ts';
import type { NodeProbe } from '../node/index.ts';
import { cgroupOf } from './check-intent.ts';
import type { Tasks } from './tasks.ts';

export interface ResumeTools {
  clock: Clock;
  log: Logger;
  tasks: Tasks;
  node?: NodeProbe;
}

/** Between two thaw checks of a container that nothing has helped so far. */
const AGAIN_MS = 10_000;

/**
 * Lets a container run that its agent can let run no more, by the thaw table of the agent itself,
 * until task and freezer agree or the container is gone; however long that takes. Never rejects.
 */
export async function resumeContainer(
  tools: ResumeTools,
  intent: PauseIntent,
  why: ResumedWhy,
): Promise<void> {
  const { clock, log, tasks, node } = tools;
  const cgroup =
    intent.freezerDirectory === undefined ? undefined : cgroupOf(intent, intent.freezerDirectory);
  const question: ThawQuestion = {
    containerId: intent.containerId,
    cgroup,
    // Refused otherwise, see check-intent.ts.
    frozenBefore: false,
    // CRIU may be at work, and freezes again at its end what it found frozen.
    mayFinishLater: true,
    frozenBy: intent.via,
  };
  thawAtOnce(tools, question);
  for (;;) {
    const result = await ensureThawed({ clock, log, runtime: tasks, node }, question);
    if (result.end !== 'stuck') {
      log.warn('container-resumed', { containerId: intent.containerId, why, ...result });
      return;
    }
    await clock.sleep(AGAIN_MS);
  }
}

/** What one write undoes waits for no runtime's answer. The thaw check follows in any case. */
function thawAtOnce({ node, log }: ResumeTools, { containerId, cgroup, frozenBy }: ThawQuestion) {
  if (!node || !cgroup || frozenBy !== 'freezer') return;
  try {
    if (node.cgroups.freezerState(cgroup) === 'thawed') return;
    if (isTraced(node, cgroup)) return;
    node.cgroups.setFreezer(cgroup, 'thawed');
  } catch (error) {
    log.warn('thaw-act-failed', { act: 'thaw-at-once', containerId, error });
  }
}
