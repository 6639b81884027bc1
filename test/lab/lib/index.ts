/**
 * What tests on the real node import. Under "npm run test:node" a lab is up and the test runs
 * inside its network namespace, so that plain addresses work: start at `labInfo()`. Nothing here
 * knows of Stillpoint; it only drives the cluster that Stillpoint is tested on.
 */
export { waitFor } from '../base/wait.ts';
export {
  daemonIsAlive,
  daemonPid,
  inLab,
  inNode,
  manifestsDir,
  startInLab,
} from '../cluster/index.ts';
export {
  type LabInfo,
  type LabNode,
  nodeOf,
  pathInNode,
  pathOnMachine,
} from '../lab-info.ts';
export {
  type Cure,
  fillCheckpointsDisk,
  forgetRightsAtOnce,
  giveOldCriu,
  hideRuntimeSocket,
  makeCheckpointsReadOnly,
  serveForeignCertificate,
  setKubeletGate,
  takeCriuAway,
} from './broken-node.ts';
export {
  startApiServer,
  startContainerd,
  startKubelet,
  startNats,
  stopApiServer,
  stopContainerd,
  stopKubelet,
  stopNats,
} from './faults.ts';
export { apply, getObject, kubectl } from './kubectl.ts';
export { askKubelet, askKubeletForCheckpoint, type KubeletReply } from './kubelet.ts';
export { labDown, labInfo, labUp } from './lab.ts';
export { useNewCriu } from './new-criu.ts';
export {
  awaitPodEvent,
  awaitRunning,
  deletePod,
  type Gap,
  gapsIn,
  getPod,
  lastTickIn,
  podEvents,
  podLogs,
  type RunningContainer,
  startPod,
  startWorkPod,
  type WorkPod,
  workPod,
} from './pods.ts';
export { createServiceAccountToken, mayCheckpoint, type PolicyRule } from './service-accounts.ts';
export { checkpointctl, containerPid, ctr } from './tools.ts';
