import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/index.ts';
import type { SimContainer, SimPod } from './pod.ts';

/** The log files of containers, in the format and under the names of the kubelet's. */
export class PodLogs {
  readonly #directory: string;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  path(pod: SimPod, container: SimContainer, attempt: number): string {
    const folder = `${pod.namespace}_${pod.name}_${pod.runtimeUid}`;
    return join(this.#directory, folder, container.spec.name, `${attempt}.log`);
  }

  write(pod: SimPod, container: SimContainer, attempt: number, text: string): void {
    const path = this.path(pod, container, attempt);
    mkdirSync(dirname(path), { recursive: true });
    const at = new Date(this.#clock.wallMs()).toISOString().replace('Z', '000000Z');
    appendFileSync(path, `${at} stdout F ${text}\n`);
  }
}
