import { join } from 'node:path';
import type { ContainerCgroup, FreezerState } from './cgroup-types.ts';
import { readSmallFile, writeExistingFile } from './small-file.ts';

/** Reads the freezer of a container; undefined when its directory is gone. */
export function readFreezerState(cgroup: ContainerCgroup): FreezerState | undefined {
  if (cgroup.version === 1) {
    const state = readSmallFile(join(cgroup.freezerDirectory, 'freezer.state'));
    return state === undefined ? undefined : judgeV1(state);
  }
  const asked = readSmallFile(join(cgroup.freezerDirectory, 'cgroup.freeze'));
  const events = readSmallFile(join(cgroup.freezerDirectory, 'cgroup.events'));
  return asked === undefined || events === undefined ? undefined : judgeV2(asked, events);
}

/** Asks the freezer; returns before the processes have stopped. */
export function writeFreezer(cgroup: ContainerCgroup, wanted: 'frozen' | 'thawed'): void {
  const [file, frozen, thawed] =
    cgroup.version === 1
      ? (['freezer.state', 'FROZEN', 'THAWED'] as const)
      : (['cgroup.freeze', '1', '0'] as const);
  writeExistingFile(join(cgroup.freezerDirectory, file), wanted === 'frozen' ? frozen : thawed);
}

/** v1 freezer.state tells of ancestors too: it says FROZEN below a frozen parent. */
function judgeV1(state: string): FreezerState {
  const word = state.trim();
  if (word === 'FROZEN') return 'frozen';
  return word === 'FREEZING' ? 'freezing' : 'thawed';
}

/** cgroup.freeze is what was asked here; `frozen` in cgroup.events is what is, by whomever. */
function judgeV2(asked: string, events: string): FreezerState {
  if (/^frozen 1$/m.test(events)) return 'frozen';
  return asked.trim() === '1' ? 'freezing' : 'thawed';
}
