import type { AlertTargetHints, ContainerFact } from '../../../src/signal/index.ts';
import type { Known, World } from './world.ts';

type Found =
  | { known: Known; container: ContainerFact }
  | 'target-unknown'
  | 'target-ambiguous'
  | 'elsewhere';

/** A container by name; without one the only app container of the pod. */
export function findByName(
  world: World,
  { namespace, pod, container }: { namespace: string; pod: string; container?: string },
): Found {
  const isMeant = (one: Known) => one.pod.namespace === namespace && one.pod.name === pod;
  return only(inPods(world.known.filter(isMeant), container));
}

/** What an alert speaks of: by container id, else by uid, else by names. Nothing is guessed. */
export function findByHints(world: World, hints: AlertTargetHints): Found {
  const isElsewhere = hints.node !== undefined && hints.node !== world.nodeName;
  const { podUid, namespace, pod, container } = hints;
  const prefix = hints.containerIdPrefix?.toLowerCase();
  if (prefix !== undefined && isId(prefix)) {
    const all = world.known.flatMap((known) =>
      known.pod.containers.map((one) => ({ known, container: one })),
    );
    return or(
      only(all.filter((one) => one.container.containerId?.startsWith(prefix))),
      isElsewhere,
    );
  }
  if (podUid !== undefined) {
    const ofUid = world.known.filter((one) => one.pod.uid === podUid);
    const ofKubelet = world.known.filter((one) => one.pod.staticUid === podUid);
    const pods = ofUid.length > 0 ? ofUid : ofKubelet.slice(0, 1);
    return pods.length > 0 ? only(inPods(pods, container)) : or('target-unknown', isElsewhere);
  }
  if (namespace !== undefined && pod !== undefined) {
    return or(findByName(world, { namespace, pod, container }), isElsewhere);
  }
  if (isElsewhere) return 'elsewhere';
  const named = world.known.filter((one) => one.pod.name === pod);
  return named.length > 1 ? 'target-ambiguous' : only(inPods(named, container));
}

function isId(prefix: string): boolean {
  return prefix.length >= 12 && prefix.length <= 64 && !/[^0-9a-f]/.test(prefix);
}

/** What is not here is elsewhere where the sender says so. */
function or(found: Found, isElsewhere: boolean): Found {
  return found === 'target-unknown' && isElsewhere ? 'elsewhere' : found;
}

function inPods(pods: readonly Known[], name: string | undefined) {
  return pods.flatMap((known) =>
    known.pod.containers
      .filter((one) => (name === undefined ? one.type === 'app' : one.name === name))
      .map((container) => ({ known, container })),
  );
}

function only(found: { known: Known; container: ContainerFact }[]): Found {
  if (found.length > 1) return 'target-ambiguous';
  return found[0] ?? 'target-unknown';
}
