import type { BackendName } from '../signal/index.ts';
import { type Finding, fail, type Line, ok, warn } from './line.ts';

/** Checks that close a way to a checkpoint when they fail. */
const ALWAYS = ['runtime', 'criu', 'checkpoints-directory', 'disks'];
const WAYS: Readonly<Record<BackendName, readonly string[]>> = {
  containerd: [...ALWAYS, 'tasks', 'canary-containerd'],
  cri: [...ALWAYS, 'canary-cri'],
  kubelet: ['kubelet', ...ALWAYS, 'canary-kubelet'],
};

/** Lines that close a way though nothing failed: the right is missing, it is another runtime. */
const CLOSING_CODES: ReadonlySet<string> = new Set(['forbidden', 'no-tasks']);

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
  const names = listOf(open.map(({ backend }) => backend));
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

function listOf(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

function isFailed({ state }: Line): boolean {
  return state === 'fail';
}

function isClosed(line: Line): boolean {
  return isFailed(line) || (line.state !== 'ok' && CLOSING_CODES.has(line.code));
}
