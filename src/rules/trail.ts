/** One part of what decided: a condition of the rule, or a check that comes after it. */
export interface TrailPart {
  /** Where it is written (`when.memory.above`, `limits.cooldown`), or the check (`deny list`). */
  part: string;
  holds: boolean;
  /** What was there: `87 % of 256 MiB`, `until 12:04:10Z`. Redacted like the signal. */
  saw: string;
  /** What would hold: `>= 85 %`. Absent where the part says it all. */
  wants?: string;
}

/** The parts in the order in which they were looked at; a suppression ends with one that fails. */
export type Trail = readonly TrailPart[];

const PARTS_MAX = 32;
const TEXT_CHARS_MAX = 160;

/** One part, its texts bounded. Make it only for a decision: what is counted quietly has no trail. */
export function part(name: string, holds: boolean, saw: string, wants?: string): TrailPart {
  return {
    part: cut(name),
    holds,
    saw: cut(saw),
    ...(wants === undefined ? {} : { wants: cut(wants) }),
  };
}

/** At most 32 parts. The last ones and those that fail stay: they decided. */
export function boundTrail(parts: Trail): Trail {
  if (parts.length <= PARTS_MAX) return parts;
  const kept = new Set(parts.slice(-PARTS_MAX / 2));
  for (const wanted of [false, true]) {
    for (const one of parts) {
      if (kept.size < PARTS_MAX && one.holds === wanted) kept.add(one);
    }
  }
  return parts.filter((one) => kept.has(one));
}

function cut(text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX - 1)}…` : text;
}
