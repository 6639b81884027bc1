/**
 * sim/kubelet: the simulated kubelet's HTTPS endpoint. It starts no containers: the model does.
 */
export { archiveName } from './checkpoint-request.ts';
export { KubeletServer } from './kubelet-server.ts';
