/**
 * capture: our act on one container: guard, checkpoint through a backend, and the thaw check on
 * every way out. It never decides whether a capture is wanted and never reads an archive.
 */
export { archiveName, archivePrefix, beginOfName } from './archive-name.ts';
export type {
  Availability,
  Backend,
  CheckpointReply,
  CheckpointRequest,
  DumpOrder,
  FreezeCosts,
  HeldFreeze,
} from './backend.ts';
export {
  askTasks,
  type ContainerdBackendOptions,
  createContainerdBackend,
} from './backends/containerd.ts';
export { type CriBackendOptions, createCriBackend } from './backends/cri.ts';
export { createKubeletBackend, type KubeletBackendOptions } from './backends/kubelet.ts';
export { createKubeletSight, type KubeletSight } from './backends/kubelet-sight.ts';
export type { CapturePlan, CaptureState } from './capture-state.ts';
export { type Capturer, type CapturerOptions, createCapturer } from './capturer.ts';
export { classifyFailure } from './classify.ts';
export type { DiskPlaces } from './disk-need.ts';
export { type FailureClass, failureClasses } from './failure.ts';
export { createFreezeRates, type FreezeRates } from './freeze-rates.ts';
export {
  type DumpedFacts,
  type ImagesFolder,
  type ImagesManifest,
  imagesFolder,
  imagesFolderOf,
  imagesRoot,
  readDumpedFacts,
  readImagesManifest,
} from './images-folder.ts';
export { createLeftoverImages, type LeftoverImages } from './leftover-images.ts';
export type { CaptureOutcome, CaptureTimings, LateArchive } from './outcome.ts';
export {
  type Recovered,
  type RecoveryDecision,
  type RecoveryRow,
  recoverCaptures,
  recoveryRow,
  recoveryRows,
  thawAgain,
} from './recovery.ts';
export {
  ensureThawed,
  type ThawHands,
  type ThawQuestion,
  type ThawResult,
  type ThawTools,
} from './thaw.ts';
export { isTraced } from './tracer.ts';
