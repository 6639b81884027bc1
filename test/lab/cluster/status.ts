import { existsSync } from 'node:fs';
import { infoFile, netnsPath } from '../layout.ts';
import { daemonIsAlive, daemonNames, daemonPid } from './daemons.ts';
import { leftovers } from './leftovers.ts';
import { netnsInode } from './network.ts';

/** up: all of it runs. down: nothing of it is there. broken: anything between. */
export type LabState = 'up' | 'down' | 'broken';

export function labState(): LabState {
  const names = daemonNames();
  if (existsSync(infoFile) && existsSync(netnsPath) && names.every(daemonIsAlive)) return 'up';
  return names.length === 0 && leftovers(netnsInode()).length === 0 ? 'down' : 'broken';
}

export function daemonReport(): string[] {
  return daemonNames().map((name) =>
    daemonIsAlive(name) ? `${name}: running, pid ${daemonPid(name)}` : `${name}: NOT RUNNING`,
  );
}
