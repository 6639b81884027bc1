/**
 * Every version the lab runs, in one place. Changing a line here rebuilds just that tool: the
 * build keeps a stamp of what it built from, and compares.
 */
export const versions = {
  /** kubelet, kube-apiserver, kube-scheduler, kube-controller-manager and kubectl. */
  kubernetes: 'v1.37.2',
  /** The k8s.io libraries of that release; k8s.io/kubernetes itself asks for them at v0.0.0. */
  kubernetesLibraries: 'v0.37.2',
  containerd: 'v2.4.2',
  runc: 'v1.5.2',
  nats: 'v2.15.2',
  etcd: 'v3.7.3',
  checkpointctl: 'v1.6.0',
  /** CRIU (and, for the virtual machine, the kernel) come from this Debian release. */
  debianSuite: 'trixie',
  /** Its CRIU cannot dump on a 6.x kernel: what many nodes have. */
  oldCriuSuite: 'bookworm',
  /** CRIU 4.2 or newer: the one of trixie cannot dump a TCP socket on a kernel from 6.16 on. */
  newCriuSuite: 'forky',
} as const;

/** The lowest Go that builds Kubernetes above. */
export const goVersionMin = '1.26';
