/**
 * An agent that pauses one real container under the protection of a guard, and does nothing else:
 * `node pausing-agent.ts SOCKET RUNTIME_SOCKET INTENT [IMAGES]`. With IMAGES, a directory, it asks
 * for a checkpoint into it as well. Says `live` and `absent` of the guard, `paused`,
 * `checkpointing`, `refused`; and each time that a line comes on stdin `lapsed` or `held`.
 */
import { createInterface } from 'node:readline';
import {
  createRandom,
  isStillpointError,
  messageOf,
  silentLogger,
  systemClock,
} from '../../../src/base/index.ts';
import { createRuntimeClient } from '../../../src/cri/index.ts';
import { createGuardLease, type PauseIntent, type Protection } from '../../../src/lease/index.ts';
import { createNodeProbe } from '../../../src/node/index.ts';

const [socket = '', runtimeSocket = '', intentText = '', images] = process.argv.slice(2);
const intent = JSON.parse(intentText) as PauseIntent;
const { containerId } = intent;
const say = (word: string) => process.stdout.write(`${word}\n`);
const common = { clock: systemClock, log: silentLogger };

const { containerd } = createRuntimeClient({ ...common, socket: runtimeSocket });
const lease = createGuardLease({
  ...{ ...common, socket, random: createRandom(1) },
  onChange: ({ state }) => say(state),
});
const signal = new AbortController().signal;

function checkpoint(imagePath: string): Promise<void> {
  const none = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
  return containerd.checkpointTask(
    { containerId, ...none, imagePath, workPath: imagePath },
    signal,
  );
}

async function pause(): Promise<void> {
  const { freezerDirectory = '', cgroupVersion: version } = intent;
  if (intent.via === 'task') {
    await containerd.pauseTask(containerId, signal);
    return;
  }
  const { cgroups } = createNodeProbe();
  const cgroup = { version, freezerDirectory, memoryLevels: [] };
  cgroups.setFreezer(cgroup, 'frozen');
  while (cgroups.freezerState(cgroup) !== 'frozen') await systemClock.sleep(1);
}

/** On a machine that is busy an answer may come too late. */
async function protect(): Promise<Protection> {
  for (;;) {
    try {
      return await lease.protect(intent);
    } catch (error) {
      if (!isStillpointError(error, 'unreachable')) throw error;
      await systemClock.sleep(20);
    }
  }
}

while (lease.status().state !== 'live') await systemClock.sleep(5);
try {
  const protection = await protect();
  await pause();
  say('paused');
  if (images !== undefined) {
    checkpoint(images).catch((error) => say(`checkpoint failed: ${messageOf(error)}`));
    say('checkpointing');
  }
  for await (const _line of createInterface({ input: process.stdin })) {
    say(protection.lapsed() ? 'lapsed' : 'held');
  }
} catch (error) {
  say(`refused ${messageOf(error)}`);
}
