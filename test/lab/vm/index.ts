/**
 * A throw-away virtual machine with cgroup v2, for machines that have v1 only. It knows nothing of
 * the lab: it runs one command on an unchangeable copy of this machine and hands out its output,
 * its exit code and whatever it wrote to /out.
 */
export { ensureVm } from './kernel.ts';
export { defaultVmOptions, runInVm, type VmOptions } from './machine.ts';
