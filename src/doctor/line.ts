/** `skipped`: there was nothing to look at, for the reason that is told. */
export type LineState = 'ok' | 'warn' | 'fail' | 'skipped';

/** What one check found. */
export interface Line {
  /** The check that it comes from, such as `kubelet`. */
  check: string;
  state: LineState;
  /** Stable, for machines: `forbidden`, `criu-missing`. */
  code: string;
  /** What was found, for people. */
  what: string;
  /** What to do about it; each `warn` and `fail` has one. */
  next?: string;
}

/** A line before the check that it belongs to has put its name on it. */
export type Finding = Omit<Line, 'check'>;

/** All is as it must be. */
export function ok(what: string, code = 'ok'): Finding {
  return { state: 'ok', code, what };
}

/** Captures work, but less well or less surely than they could. */
export function warn(code: string, what: string, next: string): Finding {
  return { state: 'warn', code, what, next };
}

/** Something that Stillpoint needs here does not work. */
export function fail(code: string, what: string, next: string): Finding {
  return { state: 'fail', code, what, next };
}

/** There is nothing to look at. */
export function skipped(code: string, what: string): Finding {
  return { state: 'skipped', code, what };
}
