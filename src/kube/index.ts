/**
 * kube: the clients of the API server and of the kubelet: who we are, TLS, the list/watch loop,
 * and what each reply means. It knows nothing of signals or rules.
 */
export type { ApiClient, ApiRequest } from './api-client.ts';
export type { KubeletClient, KubeletConfig, KubeletReply } from './kubelet-client.ts';
