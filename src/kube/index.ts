/**
 * kube: the clients of the API server and of the kubelet: who we are, TLS, the list/watch loop,
 * and what each reply means. It knows nothing of signals or rules.
 */
export type { ApiClient, ApiRequest } from './api-client.ts';
export { type ApiClientOptions, createApiClient } from './http-api-client.ts';
export {
  createKubeletClient,
  type KubeletClientOptions,
  type KubeletRoute,
  type KubeletTls,
} from './http-kubelet-client.ts';
export type { Credentials, Identity, TlsMaterial } from './identity.ts';
export {
  type CheckpointRefusal,
  type CheckpointVerdict,
  checkpointRefusals,
  judgeCheckpointReply,
  type RpcWords,
} from './judge-checkpoint-reply.ts';
export type {
  CheckpointTarget,
  KubeletClient,
  KubeletConfig,
  KubeletReply,
} from './kubelet-client.ts';
export { effectiveTimeoutSeconds, RUNTIME_REQUEST_TIMEOUT_MS_DEFAULT } from './kubelet-config.ts';
export { startListWatch } from './list-watch.ts';
export type {
  Change,
  ChangeOrigin,
  ListWatch,
  ListWatchOptions,
  ListWatchState,
} from './list-watch-types.ts';
export {
  isPinned,
  type Peek,
  type PeekTrust,
  peekServer,
  type SeenCertificate,
  subjectsOf,
} from './peek.ts';
export { type ResolveIdentityOptions, resolveIdentity } from './resolve-identity.ts';
export type { KubeObject } from './watch-line.ts';
export { createWatchedFile, type WatchedFile } from './watched-file.ts';
