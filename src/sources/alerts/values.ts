/** An alert older than this, or from the future, has a wrong clock: the time we saw it counts. */
const AGE_MS_MAX = 24 * 3_600_000;
/** The longest name that Kubernetes allows. */
const NAME_CHARS_MAX = 253;
const ID_TEXT_CHARS_MAX = 1_024;

/** A name that the sender knows; senders fill unknown ones with null, "" or Falco's "<NA>". */
export function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value === '<NA>') return undefined;
  return value.length <= NAME_CHARS_MAX ? value : undefined;
}

/**
 * The container id in a text, at least 12 hex digits: bare, as the API writes it
 * (`containerd://…`), or at the end of a cgroup path (`…/cri-containerd-….scope`, cAdvisor's label
 * `id`). Undefined for anything else, such as Falco's `host`.
 */
export function containerIdOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > ID_TEXT_CHARS_MAX) return undefined;
  const bare = /^(?:[a-z][a-z0-9-]*:\/\/)?([0-9a-fA-F]{12,64})$/.exec(value);
  const found = bare ?? /[/-]([0-9a-f]{64})(?:\.scope)?$/.exec(value);
  return found?.[1]?.toLowerCase();
}

/**
 * When it happened: RFC 3339 with up to nine digits of a second, or a number since 1970 in s, ms,
 * us or ns, told apart by its size. Anything else, or a clock far off: `seenMs`.
 */
export function occurredMsOf(time: unknown, seenMs: number): number {
  const ms = typeof time === 'number' ? sinceEpochMs(time) : dateMs(time);
  return ms !== undefined && ms <= seenMs && ms >= seenMs - AGE_MS_MAX ? ms : seenMs;
}

function sinceEpochMs(time: number): number {
  if (time < 1e11) return time * 1_000;
  if (time < 1e14) return time;
  return time < 1e17 ? time / 1_000 : time / 1_000_000;
}

function dateMs(time: unknown): number | undefined {
  if (typeof time !== 'string' || time.length > 40) return undefined;
  // A number that a double cannot hold comes as text.
  if (/^\d{10,20}$/.test(time)) return sinceEpochMs(Number(time));
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.exec(time);
  if (!match) return undefined;
  const ms = Date.parse(`${match[1]}${(match[2] ?? '').slice(0, 4)}${match[3]}`);
  return Number.isNaN(ms) ? undefined : ms;
}
