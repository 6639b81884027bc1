import type { Cancel, Clock, Logger } from '../base/index.ts';
import { createQuietLog, isStillpointError } from '../base/index.ts';
import type { KubeletClient, KubeletConfig } from '../kube/index.ts';

/** What the kubelet says of itself, asked again from time to time. */
export interface KubeletSettings {
  start(): void;
  /** Undefined until the kubelet has answered once: the kubelet's defaults count then. */
  evictionHard(): Readonly<Record<string, string>> | undefined;
  stop(): void;
}

const AGAIN_MS = 600_000;
const RETRY_MS = 30_000;

export function createKubeletSettings(
  kubelet: Pick<KubeletClient, 'config'>,
  clock: Clock,
  log: Logger,
): KubeletSettings {
  const quiet = createQuietLog(log, clock);
  let known: KubeletConfig | undefined;
  let cancel: Cancel = () => undefined;
  let stopped = false;
  const ask = async () => {
    let nextMs = AGAIN_MS;
    try {
      known = await kubelet.config();
    } catch (error) {
      nextMs = RETRY_MS;
      const kind = isStillpointError(error) ? error.code : 'internal';
      quiet.warn('kubelet-config-unknown', kind, { error });
    }
    if (!stopped) cancel = clock.after(nextMs, () => void ask());
  };
  return {
    start: () => void ask(),
    evictionHard: () => known?.evictionHard,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
