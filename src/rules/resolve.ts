import type { AlertTargetHints, ContainerFact } from '../signal/index.ts';
import type { Finding } from './judge.ts';
import {
  containersWithId,
  type PodEntry,
  type PodTable,
  podOfName,
  podsNamed,
} from './state/pod-table.ts';

/** The one container that fits, or why there is none. */
export type Resolved = { entry: PodEntry; container: ContainerFact } | Finding;

/**
 * What an alert speaks of. The container id decides, else the uid of the pod; names are looked at
 * only where there is neither. An id that none here has is never replaced by a name: that life is
 * over, or it is not ours. Nothing is guessed.
 */
export function resolveHints(pods: PodTable, hints: AlertTargetHints, nodeName: string): Resolved {
  const isElsewhere = hints.node !== undefined && hints.node !== nodeName;
  const prefix = hints.containerIdPrefix?.toLowerCase();
  if (prefix !== undefined && /^[0-9a-f]{12,64}$/.test(prefix)) {
    const found = containersWithId(pods, prefix);
    const [first] = found;
    if (found.length > 1) return ambiguous(found, `container id ${prefix}`);
    if (first) return first;
    if (isElsewhere) return elsewhere(hints.node);
    const former = formerLife(pods, hints);
    const detail = `no container id begins with ${prefix}${former}`;
    return unknown(detail, former === '' ? hints : undefined);
  }
  const { podUid, namespace, pod, container } = hints;
  if (podUid !== undefined) {
    const entry = podOfUid(pods, podUid);
    if (entry) return resolveInPod(entry, container);
    if (isElsewhere) return elsewhere(hints.node);
    return unknown(`no pod has the uid ${podUid}`, hints);
  }
  // A pod that is known by namespace and name is here, whatever the sender calls its host.
  if (namespace !== undefined && pod !== undefined) {
    const found = resolveName(pods, { namespace, pod, container });
    const isUnknown = 'reason' in found && found.reason === 'target-unknown';
    if (!isUnknown) return found;
    return isElsewhere ? elsewhere(hints.node) : unknown(found.detail, hints);
  }
  if (isElsewhere) return elsewhere(hints.node);
  if (pod === undefined) return unknown('it names no container id and no pod');
  const named = podsNamed(pods, pod);
  const [only] = named;
  if (!only) return unknown(`no pod ${pod}`, hints);
  if (named.length === 1) return resolveInPod(only, container);
  const where = listed(named.map(({ fact }) => `${fact.namespace}/${fact.name}`));
  return { reason: 'target-ambiguous', detail: `pod ${pod}: ${where}` };
}

/** A container by the names of namespace, pod and, where there are several, itself. */
export function resolveName(
  pods: PodTable,
  { namespace, pod, container }: { namespace: string; pod: string; container?: string },
): Resolved {
  const entry = podOfName(pods, namespace, pod);
  return entry ? resolveInPod(entry, container) : unknown(`no pod ${namespace}/${pod}`);
}

/** The named container, else the only app container; sidecars are never meant without a name. */
function resolveInPod(entry: PodEntry, name: string | undefined): Resolved {
  const { namespace, name: pod, containers } = entry.fact;
  const meant = containers.filter((one) =>
    name === undefined ? one.type === 'app' : one.name === name,
  );
  const [container] = meant;
  if (meant.length > 1) {
    return ambiguous(
      meant.map((one) => ({ entry, container: one })),
      `pod ${namespace}/${pod}`,
    );
  }
  if (container) return { entry, container };
  return unknown(`pod ${namespace}/${pod} has no ${name ? `container ${name}` : 'app container'}`);
}

/** The pod of a uid; of a static pod also by the uid that the kubelet gave it. */
function podOfUid(pods: PodTable, uid: string): PodEntry | undefined {
  const known = pods.byUid.get(uid);
  if (known) return known;
  return [...pods.byUid.values()].find(({ fact }) => fact.staticUid === uid);
}

/** Helps people: the alert's pod is here, but in another life. */
function formerLife(pods: PodTable, { namespace, pod }: AlertTargetHints): string {
  if (namespace === undefined || pod === undefined) return '';
  if (!podOfName(pods, namespace, pod)) return '';
  return `; the containers of pod ${namespace}/${pod} have other ids now`;
}

/** Without the node's name it may be about another one: each node that hears it says the same. */
function unknown(detail: string, hints?: AlertTargetHints): Finding {
  const isOurs = hints === undefined || hints.node !== undefined;
  const more = isOurs ? '' : '; it names no node, so it may be about another one';
  return { reason: 'target-unknown', detail: `${detail}${more}` };
}

function elsewhere(node: string | undefined): Finding {
  return { reason: 'elsewhere', detail: `node ${node}` };
}

function ambiguous(
  found: readonly { entry: PodEntry; container: ContainerFact }[],
  by: string,
): Finding {
  const names = found.map(
    ({ entry, container }) => `${entry.fact.namespace}/${entry.fact.name}/${container.name}`,
  );
  return { reason: 'target-ambiguous', detail: `${by}: ${listed(names)}` };
}

/** In one order always: in which pods came is another after a restart. */
function listed(names: readonly string[]): string {
  return [...names].sort().join(', ');
}
