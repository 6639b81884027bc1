import { existsSync } from 'node:fs';
import { type LabInfo, readLabInfo } from '../lab-info.ts';
import { infoFile, netnsPath } from '../layout.ts';
import { daemonIsAlive, daemonNames, daemonPid } from './daemons.ts';
import { leftovers } from './leftovers.ts';
import { netnsInode } from './network.ts';
import { isAlive } from './processes.ts';

/** up: all of it runs. down: nothing of it is there. broken: anything between. */
export type LabState = 'up' | 'down' | 'broken';

export function labState(): LabState {
  const names = daemonNames();
  const started = existsSync(infoFile) && existsSync(netnsPath) && !isOrphan(readLabInfo());
  if (started && names.every(daemonIsAlive)) return 'up';
  return names.length === 0 && leftovers(netnsInode()).length === 0 ? 'down' : 'broken';
}

/** Made for a test run that was killed before it could take the lab down. */
function isOrphan(lab: LabInfo): boolean {
  return lab.owner !== undefined && !isAlive(lab.owner);
}

export function daemonReport(): string[] {
  return daemonNames().map((name) =>
    daemonIsAlive(name) ? `${name}: running, pid ${daemonPid(name)}` : `${name}: NOT RUNNING`,
  );
}
