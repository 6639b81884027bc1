import { assetPath, messageOf, StillpointError } from '../base/index.ts';
import { retryableOnce } from './retryable-once.ts';

export type Grpc = typeof import('@grpc/grpc-js');

/** Full names, as in the proto files. */
export type ServiceName =
  | 'runtime.v1.RuntimeService'
  | 'containerd.services.tasks.v1.Tasks'
  | 'containerd.services.snapshots.v1.Snapshots'
  | 'containerd.services.diff.v1.Diff'
  | 'containerd.services.content.v1.Content'
  | 'containerd.services.leases.v1.Leases';

export interface Method {
  path: string;
  requestSerialize: (value: object) => Buffer;
  responseDeserialize: (bytes: Buffer) => unknown;
}

export interface Protocol {
  grpc: Grpc;
  /** 64-bit numbers as numbers, enums as text, what is absent filled in. */
  services: Record<ServiceName, Record<string, Method>>;
  /** 64-bit numbers as text, enums as numbers, what is absent left out: nothing is lost. */
  exact: Record<ServiceName, Record<string, Method>>;
}

const files = [
  'cri.proto',
  'containerd-tasks.proto',
  'containerd-snapshots.proto',
  'containerd-diff.proto',
  'containerd-content.proto',
  'containerd-leases.proto',
];

/**
 * gRPC and its proto files are loaded with the first call, once for the process: they cost 75 ms
 * and 16 MB, which a CLI command that speaks to no runtime need not pay.
 */
export const loadProtocol = retryableOnce(async (): Promise<Protocol> => {
  try {
    const [grpc, loader] = await Promise.all([
      import('@grpc/grpc-js'),
      import('@grpc/proto-loader'),
    ]);
    const common = { keepCase: true, includeDirs: [assetPath('proto')] };
    const plain = { ...common, longs: Number, enums: String, defaults: true };
    const services = await loader.load(files, plain);
    const exact = await loader.load('cri.proto', { ...common, longs: String });
    return {
      grpc,
      services: services as unknown as Protocol['services'],
      exact: exact as unknown as Protocol['exact'],
    };
  } catch (cause) {
    const message = `the protocol of the runtime cannot be loaded: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'io', message, cause });
  }
});
