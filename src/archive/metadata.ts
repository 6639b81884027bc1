import * as z from 'zod';
import type { Finding } from './findings.ts';

/** Which runtime wrote an archive; the two layouts differ. */
export type Engine = 'containerd' | 'cri-o' | 'unknown';

/** What an archive says of itself. Never taken from the file name, which is ambiguous. */
export interface ArchiveMetadata {
  engine: Engine;
  namespace: string;
  pod: string;
  /** Empty when the archive does not say. */
  podUid: string;
  container: string;
  /** 64 hex digits; empty when the archive does not say. */
  containerId: string;
  /** The name of the image, as the pod asked for it. */
  image: string;
  /** The reference by digest or id. */
  imageRef: string;
  /** The runtime of the container: `io.containerd.runc.v2`, `runc`. */
  runtime: string;
  /** When the runtime says that it was checkpointed; absent when it does not say. */
  checkpointedMs?: number;
}

/** The metadata, or what is wrong with it. */
export type MetadataReading =
  | { kind: 'read'; metadata: ArchiveMetadata }
  | { kind: 'bad'; findings: Finding[] };

const specShape = z.looseObject({
  annotations: z.record(z.string(), z.string()).optional(),
});

const configShape = z.looseObject({
  id: z.string().max(128).default(''),
  rootfsImage: z.string().max(4096).default(''),
  rootfsImageRef: z.string().max(4096).default(''),
  rootfsImageName: z.string().max(4096).default(''),
  runtime: z.string().max(256).default(''),
  checkpointedTime: z.string().max(64).default(''),
});

/** Keys of the annotations that name the container, by engine. */
const annotationKeys = {
  containerd: {
    namespace: 'io.kubernetes.cri.sandbox-namespace',
    pod: 'io.kubernetes.cri.sandbox-name',
    podUid: 'io.kubernetes.cri.sandbox-uid',
    container: 'io.kubernetes.cri.container-name',
  },
  'cri-o': {
    namespace: 'io.kubernetes.pod.namespace',
    pod: 'io.kubernetes.pod.name',
    podUid: 'io.kubernetes.pod.uid',
    container: 'io.kubernetes.container.name',
  },
} as const;

/** A name that Kubernetes would accept; anything else could lie in a table or a path. */
const NAME_SHAPE = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Reads spec.dump (the OCI spec with its annotations) and config.dump of an archive. */
export function parseMetadata(spec: Buffer, config: Buffer): MetadataReading {
  const specJson = parseJson(spec, specShape);
  const configJson = parseJson(config, configShape);
  const findings: Finding[] = [];
  if (!specJson) findings.push({ code: 'metadata-malformed', detail: 'spec.dump' });
  if (!configJson) findings.push({ code: 'metadata-malformed', detail: 'config.dump' });
  if (!specJson || !configJson) return { kind: 'bad', findings };
  const annotations = specJson.annotations ?? {};
  const engine = engineOf(annotations);
  const keys = annotationKeys[engine === 'cri-o' ? 'cri-o' : 'containerd'];
  const names = {
    namespace: annotations[keys.namespace] ?? '',
    pod: annotations[keys.pod] ?? '',
    container: annotations[keys.container] ?? '',
  };
  const checkpointedMs = Date.parse(configJson.checkpointedTime);
  const metadata: ArchiveMetadata = {
    engine,
    ...names,
    podUid: uidOf(annotations[keys.podUid]),
    containerId: /^[0-9a-f]{64}$/.test(configJson.id) ? configJson.id : '',
    image: configJson.rootfsImageName || configJson.rootfsImage,
    imageRef: configJson.rootfsImageRef,
    runtime: configJson.runtime,
  };
  if (checkpointedMs > 0) metadata.checkpointedMs = checkpointedMs;
  if (engine === 'unknown') return { kind: 'read', metadata };
  for (const [part, value] of Object.entries(names)) {
    if (!NAME_SHAPE.test(value)) {
      findings.push({ code: 'identity-missing', detail: `${part} in spec.dump` });
    }
  }
  return findings.length > 0 ? { kind: 'bad', findings } : { kind: 'read', metadata };
}

/** containerd writes no manager; CRI-O and Podman name themselves. */
function engineOf(annotations: Record<string, string>): Engine {
  const manager = annotations['io.container.manager'];
  if (manager === undefined) return 'containerd';
  return manager === 'cri-o' ? 'cri-o' : 'unknown';
}

/** A uid, or for a static pod the hash that stands in its place. */
function uidOf(text: string | undefined): string {
  return text !== undefined && /^[0-9a-f-]{8,64}$/.test(text) ? text : '';
}

function parseJson<T extends z.ZodType>(bytes: Buffer, shape: T): z.output<T> | undefined {
  try {
    return shape.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
