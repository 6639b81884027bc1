import type { Target } from '../../../src/signal/index.ts';
import { targetOfPod } from '../capture/lab-node.ts';
import { podLogs, startWorkPod, waitFor } from '../lib/index.ts';

/**
 * A container that holds `sizeMb` of memory and ticks, for all tests of a file: in the emulated
 * machine each start of a pod costs many seconds.
 */
export async function startHog(name: string, sizeMb: number): Promise<Target> {
  const command = ['hog', '2000', String(sizeMb), '0', '--gaps'];
  const running = await startWorkPod({ name, command });
  await waitFor('the memory to be full', async () => (await podLogs(name)).includes('full'));
  return targetOfPod(running);
}
