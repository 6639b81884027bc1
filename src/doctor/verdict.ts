import { type Finding, fail, type Line, ok, warn } from './line.ts';

/** Checks that close a way to a checkpoint when they fail. */
const WAYS: Readonly<Record<'cri' | 'kubelet', readonly string[]>> = {
  cri: ['runtime', 'criu', 'checkpoints-directory', 'disks', 'canary-cri'],
  kubelet: ['kubelet', 'runtime', 'criu', 'checkpoints-directory', 'disks', 'canary-kubelet'],
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
  if (open.length === 0) {
    const causes = [...new Set(ways.flatMap(({ closedBy }) => closedBy))].join(', ');
    const what = `no container of this node can be captured: ${causes}`;
    return fail('cannot-capture', what, `Follow the next step of: ${causes}.`);
  }
  // A canary that could not be made says nothing of the node.
  const failed = lines.filter((line) => isFailed(line) && line.check !== 'canary');
  const broken = [...new Set(failed.map(({ check }) => check))].join(', ');
  if (broken !== '') {
    const what = `checkpoints can be made through ${names}, but Stillpoint does not work as it should: ${broken}`;
    return warn('not-whole', what, `Follow the next step of: ${broken}.`);
  }
  if (lines.some(({ check, code }) => check === 'criu' && code === 'not-proven')) {
    const what = `containers can be captured through ${names}, if CRIU works`;
    return warn('not-proven', what, 'Run `stillpoint doctor --canary`.');
  }
  return ok(`containers can be captured through ${names}`);
}

function isFailed({ state }: Line): boolean {
  return state === 'fail';
}

function isClosed(line: Line): boolean {
  return isFailed(line) || (line.state === 'warn' && CLOSING_CODES.has(line.code));
}
