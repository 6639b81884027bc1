import {
  restartDaemon,
  stopDaemon,
  waitForApiServer,
  waitForContainerd,
  waitForNats,
  waitForNode,
} from '../cluster/index.ts';
import { nodeOf, readLabInfo } from '../lab-info.ts';

/*
 * Each stop is a crash (SIGKILL) and returns when the program is gone; each start uses the same
 * flags as before and returns when the program answers again.
 */

export function stopApiServer(): Promise<void> {
  return stopDaemon('apiserver');
}

export async function startApiServer(): Promise<void> {
  await restartDaemon('apiserver');
  const lab = readLabInfo();
  await waitForApiServer(lab);
  if (!lab.full) return;
  // After an outage these two wait for up to half a minute before they look again.
  for (const name of ['scheduler', 'controllers']) {
    await stopDaemon(name);
    await restartDaemon(name);
  }
}

export function stopContainerd(node?: string): Promise<void> {
  return stopDaemon(`containerd-${nodeOf(readLabInfo(), node).name}`);
}

export async function startContainerd(node?: string): Promise<void> {
  const found = nodeOf(readLabInfo(), node);
  await restartDaemon(`containerd-${found.name}`);
  await waitForContainerd(found);
}

export function stopKubelet(node?: string): Promise<void> {
  return stopDaemon(`kubelet-${nodeOf(readLabInfo(), node).name}`);
}

export async function startKubelet(node?: string): Promise<void> {
  const found = nodeOf(readLabInfo(), node);
  await restartDaemon(`kubelet-${found.name}`);
  await waitForNode(readLabInfo(), found);
}

export function stopNats(): Promise<void> {
  return stopDaemon('nats');
}

export async function startNats(): Promise<void> {
  await restartDaemon('nats');
  await waitForNats(readLabInfo());
}
