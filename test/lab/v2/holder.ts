import { once } from 'node:events';
import { createRandom, silentLogger, systemClock } from '../../../src/base/index.ts';
import { createRuntimeClient } from '../../../src/cri/index.ts';
import { createGuardLease, type PauseIntent, type Protection } from '../../../src/lease/index.ts';
import { createNodeProbe } from '../../../src/node/index.ts';
import { waitFor } from '../base/wait.ts';
import { patientLease } from './patient-lease.ts';

/*
 * An agent as far as a freeze goes: freezes containers under the protection of a guard, says so,
 * and holds them until its input ends. Then it says of which the guard may have taken the hold, and
 * leaves. It is more patient than the agent, which gives a Tasks.Pause up after 250 ms: when there is
 * other work on the machine, an emulated one seldom has frozen by then.
 *
 * holder.ts GUARD-SOCKET RUNTIME-SOCKET freezer|task=CONTAINER-ID...
 */
const [, , guardSocket = '', runtimeSocket = '', ...orders] = process.argv;
const common = { clock: systemClock, log: silentLogger };
const lease = createGuardLease({ ...common, socket: guardSocket, random: createRandom(1) });
const runtime = createRuntimeClient({ ...common, socket: runtimeSocket });
const node = createNodeProbe();

async function freeze(order: string): Promise<Protection> {
  const [via, containerId = ''] = order.split('=');
  if (via !== 'freezer' && via !== 'task') throw new Error(`how is ${order} to be frozen?`);
  const cgroup = node.cgroups.locate(await runtime.status(containerId));
  if (!cgroup) throw new Error(`no cgroup of ${containerId}`);
  const { version: cgroupVersion, freezerDirectory } = cgroup;
  const intent: PauseIntent = { containerId, via, cgroupVersion, freezerDirectory };
  const protection = await patientLease(lease).protect(intent);
  if (via === 'freezer') node.cgroups.setFreezer(cgroup, 'frozen');
  else await runtime.containerd.pauseTask(containerId, new AbortController().signal);
  await waitFor('it to freeze', () => node.cgroups.freezerState(cgroup) === 'frozen');
  return protection;
}

function say(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

await waitFor('the guard', () => lease.status().state === 'live', { everyMs: 5 });
const held: Protection[] = [];
for (const order of orders) held.push(await freeze(order));
say({ held: held.length });
await once(process.stdin.resume(), 'end');
say({ lapsed: held.map((each) => each.lapsed()) });
await lease.stop();
runtime.close();
