import { buildLab } from '../build/index.ts';
import { defaultUpOptions, down, type UpOptions, up } from '../cluster/index.ts';
import { type LabInfo, readLabInfo } from '../lab-info.ts';
import { withLabLock } from '../lock.ts';

/** Builds what is missing and brings the lab up. */
export async function labUp(options: Partial<UpOptions> = {}): Promise<LabInfo> {
  await buildLab();
  return withLabLock('labUp', () => up({ ...defaultUpOptions, ...options }));
}

export function labDown(): Promise<void> {
  return withLabLock('labDown', down);
}

/** The lab that is up. */
export function labInfo(): LabInfo {
  return readLabInfo();
}
