/**
 * What the scenarios on the real node share: the real agent, in this process with a service account
 * of exactly its rights or installed as a DaemonSet, the rules they use, and the proof of an archive.
 */
export { proveArchive } from './archive-proof.ts';
export {
  openAlerts,
  type Path,
  type PathAgent,
  pathLabels,
  pathRules,
  paths,
  startPathAgent,
} from './capture-paths.ts';
export { type Moment, moments, pidsOf, reach, type Worker, workers } from './dump-moments.ts';
export {
  countTraces,
  type FaultRow,
  faultTable,
  freezerOf,
  SETTLE_KILLED_MS,
  standsStill,
} from './fault-table.ts';
export { installImage } from './image.ts';
export {
  agentLog,
  agentPodOn,
  agentStatus,
  archiveOf,
  forgetAgents,
  install,
  installAnew,
  installedIn,
  recordsOf,
  type Settings,
  stillpointOn,
  uninstall,
} from './installed.ts';
export {
  agentToken,
  emptyCheckpoints,
  type LabAgent,
  type LabAgentOptions,
  startLabAgent,
  writeAgentFiles,
} from './lab-agent.ts';
export { type LayerEntry, readLayer } from './layer.ts';
export { type Restored, restoreArchive } from './restored.ts';
export { agentRights, checkpointRight } from './rights.ts';
export { optedIn, ruleText } from './rules.ts';
export { type Traces, tracesOn } from './traces.ts';
export { type UnpackedArchive, unpackArchive } from './unpacked-archive.ts';
