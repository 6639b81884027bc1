import { type Availability, askTasks } from '../../capture/index.ts';
import { defineCheck } from '../check.ts';
import { type Finding, ok, skipped } from '../line.ts';
import type { Outside } from '../outside.ts';

/** Whether containerd's own checkpoint can be asked for, the gentlest way to one. */
export const tasksCheck = defineCheck(
  'tasks',
  ({ runtime }: Outside): Promise<Availability> => askTasks(runtime),
  judgeTasks,
);

/** Without it captures go through CRI or the kubelet: slower, not worse. */
export function judgeTasks({ kind, why }: Availability): Finding[] {
  return [kind === 'available' ? ok(why) : skipped('no-tasks', why)];
}
