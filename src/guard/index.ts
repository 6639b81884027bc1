/**
 * guard: the second process of a node, which lets run what a dead or hanging agent left paused. It
 * joins lease, the thaw check of capture, and the cgroup files; it knows no rules, no archives and
 * no cluster, and thaws nothing that no agent has named before pausing it.
 */
export { type Guard, type GuardOptions, startGuard } from './guard.ts';
export { type GuardFlags, guardFlags, readGuardFlags, runGuard } from './main.ts';
