/** What archives can be grouped by. */
export const groupKeys = ['namespace', 'owner', 'pod', 'container'] as const;

export type GroupKey = (typeof groupKeys)[number];

/** A `RetentionPolicy` after parsing: checked, defaults filled in, numbers instead of text. */
export interface RetentionPolicy {
  name: string;
  /** Classes (rule.retain.class) that it selects. */
  classes: readonly string[];
  groupBy: readonly GroupKey[];
  /** Absent: only limits remove anything. At least one part is there otherwise. */
  keep?: { last?: number; withinMs?: number };
  /** Over everything that the policy selects, not for each group. */
  limits: { maxAgeMs?: number; maxCount?: number; maxBytes?: number };
  /** So many of each group, the newest, are never removed. */
  minKeep: number;
  cron: string;
  timeZone: string;
}

/** What a record tells retention about its archive. */
export interface Provenance {
  retainClass: string;
  namespace: string;
  pod: string;
  container: string;
  owner?: { kind: string; name: string };
  hold?: { reason: string; untilMs?: number };
}

/** The key of the group that an archive falls in; never equal for two different groups. */
export function groupOf(provenance: Provenance, groupBy: readonly GroupKey[]): string {
  const { namespace, pod, container, owner } = provenance;
  const parts: Record<GroupKey, readonly string[]> = {
    namespace: [namespace],
    // A pod without an owner is its own.
    owner: owner ? [owner.kind, owner.name] : ['Pod', pod],
    pod: [pod],
    container: [container],
  };
  return JSON.stringify(groupBy.map((key) => parts[key]));
}
