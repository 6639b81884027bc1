import type { ContainerFact, PodFact } from '../../signal/index.ts';
import type { Rule, RuleOf } from '../rule.ts';
import type { Memo } from './memo.ts';

/** A pod of this node, what rules remember of its containers, and what was worked out about it. */
export interface PodEntry {
  fact: PodFact;
  /** By container name, then by rule id. */
  memos: Map<string, Map<string, Memo>>;
  /** Worked out from `fact` when first asked for; dropped when it changes. */
  cache: PodCache;
}

export interface PodCache {
  /** By rule id: whether the rule reaches the pod. */
  selected: Map<string, boolean>;
  /** By container name: the entry of the deny list, or none. */
  denied: Map<string, string | undefined>;
  /** Of one list of rules those that reach the pod. */
  reaching: Map<readonly Rule[], readonly Rule[]>;
  /** By container name: memory rules that reach it. */
  memoryRules: Map<string, readonly RuleOf<'memory'>[]>;
}

/** More pods than any kubelet runs; the oldest is dropped beyond it. */
const PODS_MAX = 10_000;
const ID_PREFIX_LENGTH = 12;

/** The pods of this node by uid, by name and by container id. Mutable; owned by one state. */
export interface PodTable {
  byUid: Map<string, PodEntry>;
  /** `namespace/name` → uid: a name belongs to one pod at a time. */
  uidOfName: Map<string, string>;
  /** The first 12 hex digits of a container id → those that have it. */
  containersOfPrefix: Map<string, { uid: string; container: string; containerId: string }[]>;
}

export function createPodTable(): PodTable {
  return { byUid: new Map(), uidOfName: new Map(), containersOfPrefix: new Map() };
}

/** Takes the new look of a pod; gives the entry and the look before, if it was known. */
export function putPod(table: PodTable, fact: PodFact): { entry: PodEntry; before?: PodFact } {
  const known = table.byUid.get(fact.uid);
  const name = nameKey(fact);
  const uidBefore = table.uidOfName.get(name);
  // Reborn under its name: whatever we still held of the former pod is over.
  if (uidBefore !== undefined && uidBefore !== fact.uid) removePod(table, uidBefore);
  if (known) {
    const before = known.fact;
    const isFound = uidBefore === fact.uid && areSameLives(before, fact);
    if (!isFound) unindex(table, before);
    known.fact = fact;
    known.cache = createCache();
    if (!isFound) {
      index(table, fact);
      forgetContainers(known);
    }
    return { entry: known, before };
  }
  const entry: PodEntry = { fact, memos: new Map(), cache: createCache() };
  table.byUid.set(fact.uid, entry);
  index(table, fact);
  if (table.byUid.size > PODS_MAX) {
    const oldest = table.byUid.keys().next().value;
    if (oldest !== undefined) removePod(table, oldest);
  }
  return { entry };
}

/** What was remembered of containers that the pod has no more. */
function forgetContainers({ memos, fact }: PodEntry): void {
  for (const name of memos.keys()) {
    if (!fact.containers.some((one) => one.name === name)) memos.delete(name);
  }
}

/** Forgets what was worked out about the pods: the rules are others from now on. */
export function renewCaches({ byUid }: PodTable): void {
  for (const entry of byUid.values()) entry.cache = createCache();
}

/** Forgets a pod and all that was remembered of it. */
export function removePod(table: PodTable, uid: string): void {
  const entry = table.byUid.get(uid);
  if (!entry) return;
  unindex(table, entry.fact);
  table.byUid.delete(uid);
}

/** The pod that has this name now. */
export function podOfName(table: PodTable, namespace: string, name: string): PodEntry | undefined {
  const uid = table.uidOfName.get(`${namespace}/${name}`);
  return uid === undefined ? undefined : table.byUid.get(uid);
}

/** All pods of this name, in any namespace. */
export function podsNamed(table: PodTable, name: string): PodEntry[] {
  return [...table.byUid.values()].filter((entry) => entry.fact.name === name);
}

/** The containers whose id starts with the prefix, which must have at least 12 hex digits. */
export function containersWithId(
  table: PodTable,
  prefix: string,
): { entry: PodEntry; container: ContainerFact }[] {
  const found: { entry: PodEntry; container: ContainerFact }[] = [];
  for (const one of table.containersOfPrefix.get(prefix.slice(0, ID_PREFIX_LENGTH)) ?? []) {
    const entry = one.containerId.startsWith(prefix) ? table.byUid.get(one.uid) : undefined;
    const container = entry?.fact.containers.find(({ name }) => name === one.container);
    if (entry && container) found.push({ entry, container });
  }
  return found;
}

/** What a rule remembers of a container; undefined when nothing yet. */
export function memoOf(entry: PodEntry, container: string, rule: string): Memo | undefined {
  return entry.memos.get(container)?.get(rule);
}

export function setMemo(entry: PodEntry, container: string, rule: string, memo: Memo): void {
  let ofContainer = entry.memos.get(container);
  if (!ofContainer) {
    ofContainer = new Map();
    entry.memos.set(container, ofContainer);
  }
  ofContainer.set(rule, memo);
}

function createCache(): PodCache {
  return { selected: new Map(), denied: new Map(), reaching: new Map(), memoryRules: new Map() };
}

function nameKey(fact: PodFact): string {
  return `${fact.namespace}/${fact.name}`;
}

/** Most changes of a pod leave its containers what they are. */
function areSameLives(before: PodFact, { name, namespace, containers }: PodFact): boolean {
  if (before.name !== name || before.namespace !== namespace) return false;
  if (before.containers.length !== containers.length) return false;
  return containers.every((one, index) => {
    const former = before.containers[index];
    return former?.name === one.name && former.containerId === one.containerId;
  });
}

function index(table: PodTable, fact: PodFact): void {
  table.uidOfName.set(nameKey(fact), fact.uid);
  for (const { name, containerId } of fact.containers) {
    if (containerId === undefined) continue;
    const prefix = containerId.slice(0, ID_PREFIX_LENGTH);
    const same = table.containersOfPrefix.get(prefix) ?? [];
    same.push({ uid: fact.uid, container: name, containerId });
    table.containersOfPrefix.set(prefix, same);
  }
}

function unindex(table: PodTable, fact: PodFact): void {
  if (table.uidOfName.get(nameKey(fact)) === fact.uid) table.uidOfName.delete(nameKey(fact));
  for (const { containerId } of fact.containers) {
    if (containerId === undefined) continue;
    const prefix = containerId.slice(0, ID_PREFIX_LENGTH);
    const others = (table.containersOfPrefix.get(prefix) ?? []).filter(
      (one) => one.uid !== fact.uid,
    );
    if (others.length > 0) table.containersOfPrefix.set(prefix, others);
    else table.containersOfPrefix.delete(prefix);
  }
}
