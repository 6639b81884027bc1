/** POST /checkpoint as the kubelet reads it and names its archives (pkg/kubelet/server, 1.37). */

export type ParsedTimeout =
  | { kind: 'seconds'; seconds: number }
  | { kind: 'unreadable' }
  | { kind: 'negative' };

/** The last value counts; anything but a whole number in base 10 is unreadable. */
export function parseTimeout(values: readonly string[]): ParsedTimeout {
  const text = values.at(-1);
  if (text === undefined) return { kind: 'seconds', seconds: 0 };
  if (!/^[+-]?\d+$/.test(text)) return { kind: 'unreadable' };
  const seconds = Number(text);
  return seconds < 0 ? { kind: 'negative' } : { kind: 'seconds', seconds };
}

/** `checkpoint-<pod>_<namespace>-<container>-<RFC 3339 in the kubelet's zone>.tar`. */
export function archiveName(
  names: { namespace: string; pod: string; container: string },
  wallMs: number,
  utcOffsetMinutes: number,
): string {
  const { namespace, pod, container } = names;
  const time = localTime(wallMs, utcOffsetMinutes);
  return `checkpoint-${pod}_${namespace}-${container}-${time}.tar`;
}

function localTime(wallMs: number, utcOffsetMinutes: number): string {
  const local = new Date(wallMs + utcOffsetMinutes * 60_000).toISOString().slice(0, 19);
  if (utcOffsetMinutes === 0) return `${local}Z`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const minutes = Math.abs(utcOffsetMinutes);
  return `${local}${utcOffsetMinutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}
