/** Only what is used of the large library, loaded only where a kubeconfig is: 17, not 75 MB. */
export { KubeConfig } from '@kubernetes/client-node';
