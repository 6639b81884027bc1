/**
 * The running lab: one Kubernetes cluster of real programs in one network namespace. It starts
 * them, stops them and cleans up after them; it never builds anything, and what it leaves outside
 * of the lab's home is listed, and removed, by `down`.
 */
export { makeForeignCertificate } from './certificates.ts';
export { ownBinDir, waitForContainerd } from './containerd.ts';
export { daemonIsAlive, daemonPid, restartDaemon, stopDaemon } from './daemons.ts';
export { down } from './down.ts';
export { inLab, inNode, startInLab } from './in-lab.ts';
export { manifestsDir } from './kubelet.ts';
export { leftovers } from './leftovers.ts';
export { netnsInode, tapDevice } from './network.ts';
export { saveNodeLogs, upControlPlaneForVm, upNodeInVm } from './node-in-vm.ts';
export { criuOf } from './node-mounts.ts';
export { defaultUpOptions, type UpOptions } from './options.ts';
export { apiGet, waitForApiServer, waitForNats, waitForNode } from './ready.ts';
export { daemonReport, type LabState, labState } from './status.ts';
export { up } from './up.ts';
