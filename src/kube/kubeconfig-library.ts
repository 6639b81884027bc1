/** Only what is used of the large library, loaded only where a kubeconfig is: 17 MB instead of 75. */
export { KubeConfig } from '@kubernetes/client-node';
