/**
 * An agent that pauses one container under the protection of a guard, and does nothing else:
 * `node pausing-agent.ts SOCKET INTENT`, with INTENT as JSON. Says what happens, one word a line:
 * `live` (the guard's process id), `paused`, `refused`, `absent`; `lapsed` or `held` each time that
 * a line comes on stdin; `release` there lets go.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  createRandom,
  isStillpointError,
  messageOf,
  silentLogger,
  systemClock,
} from '../../src/base/index.ts';
import { createGuardLease, type PauseIntent, type Protection } from '../../src/lease/index.ts';

const [socket = '', intentText = ''] = process.argv.slice(2);
const intent = JSON.parse(intentText) as PauseIntent;
const say = (...words: (string | number)[]) => process.stdout.write(`${words.join(' ')}\n`);

const lease = createGuardLease({
  ...{ socket, clock: systemClock, random: createRandom(1), log: silentLogger },
  onChange(status) {
    if (status.state === 'live') say('live', status.pid);
    else say('absent', status.why);
  },
});
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
  if (intent.via === 'freezer') {
    writeFileSync(join(intent.freezerDirectory ?? '', 'cgroup.freeze'), '1\n');
  }
  say('paused');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'release') protection.release();
    say(protection.lapsed() ? 'lapsed' : 'held');
  }
} catch (error) {
  say('refused', messageOf(error));
}
