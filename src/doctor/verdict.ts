import { type Finding, fail, type Line, ok, warn } from './line.ts';

/** Checks without which one of the ways cannot be gone. */
const WAYS: Readonly<Record<'cri' | 'kubelet', readonly string[]>> = {
  cri: ['runtime', 'criu', 'checkpoints-directory', 'disks'],
  kubelet: ['kubelet', 'runtime', 'criu', 'checkpoints-directory', 'disks'],
};

/** Warnings that close a way all the same: the right is missing. */
const CLOSING_CODES: ReadonlySet<string> = new Set(['forbidden']);

/**
 * The one sentence that people came for, from all other lines: whether a container of this node
 * can be captured, through which backend, and what stands in the way of the other. Pure.
 */
export function verdict(lines: readonly Line[]): Line {
  return { check: 'verdict', ...judge(lines) };
}

function judge(lines: readonly Line[]): Finding {
  const ways = Object.entries(WAYS).map(([backend, needs]) => {
    const closed = lines.filter((line) => needs.includes(line.check) && isClosed(line));
    return { backend, closedBy: [...new Set(closed.map(({ check }) => check))] };
  });
  const open = ways.filter(({ closedBy }) => closedBy.length === 0);
  const names = open.map(({ backend }) => backend).join(' and ');
  const causes = [...new Set(ways.flatMap(({ closedBy }) => closedBy))].join(', ');
  if (open.length === 0) {
    const what = `no container of this node can be captured: ${causes}`;
    return fail('cannot-capture', what, `Follow the next step of: ${causes}.`);
  }
  const broken = lines.filter(({ state }) => state === 'fail').map(({ check }) => check);
  if (broken.length > 0) {
    const what = `checkpoints can be made through ${names}, but not all of Stillpoint works`;
    const next = `Follow the next step of: ${[...new Set(broken)].join(', ')}.`;
    return warn('not-whole', what, next);
  }
  const unproven = lines.some(({ check, code }) => check === 'criu' && code === 'not-proven');
  if (unproven) {
    const what = `containers can be captured through ${names}, if CRIU works`;
    return warn('not-proven', what, 'Run `stillpoint doctor --canary`.');
  }
  return ok(`containers can be captured through ${names}`);
}

function isClosed({ state, code }: Line): boolean {
  return state === 'fail' || (state === 'warn' && CLOSING_CODES.has(code));
}
