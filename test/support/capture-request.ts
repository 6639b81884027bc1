import type { KeepRequest } from '../../src/archive/index.ts';
import { exampleParts } from './checkpoint-archive.ts';
import { fireOn } from './decisions.ts';

/** A finished capture of the container that checkpointTar() is of. */
export function captureRequest(archivePath: string, more: Partial<KeepRequest> = {}): KeepRequest {
  const { namespace, pod, podUid, container, containerId } = exampleParts;
  const target = { namespace, pod, podUid, container, containerId };
  return {
    archivePath,
    node: 'node-1',
    trigger: {
      id: 'trigger-1',
      target,
      acceptedMs: 1_000,
      decisions: [fireOn(target, { rule: 'oom-nearing', retainClass: 'crash' })],
    },
    backend: 'cri',
    backendReason: 'rule asks for cri',
    predictedFreezeMs: 400,
    timings: { startedAtMs: 1_000, queuedMs: 5, guardMs: 6, checkpointMs: 700, frozenMs: 300 },
    ...more,
  };
}
