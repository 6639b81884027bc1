import type { ArchiveRecord } from '../../src/archive/index.ts';

/** A record with nothing unusual. */
export function recordOf(archive: string, more: Partial<ArchiveRecord> = {}): ArchiveRecord {
  return {
    apiVersion: 'stillpoint.dev/v1alpha1',
    kind: 'ArchiveRecord',
    archive,
    bytes: 10,
    sha256: 'a'.repeat(64),
    createdMs: 1_000,
    node: 'node-1',
    namespace: 'shop',
    pod: 'cart-7d9f',
    podUid: 'uid',
    container: 'app',
    containerId: 'ab'.repeat(32),
    image: 'work:1',
    imageId: 'sha256:1',
    backend: 'cri',
    backendReason: 'auto',
    engine: 'containerd',
    retainClass: 'crash',
    trigger: { id: 't', acceptedMs: 900, causes: [] },
    timings: { queuedMs: 0, guardMs: 0, checkpointMs: 1, predictedFreezeMs: 1, verifyMs: 1 },
    verified: 'complete',
    processes: 1,
    pagesBytes: 4096,
    ...more,
  };
}
