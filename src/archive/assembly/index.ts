/**
 * archive/assembly: makes the archive of a capture whose parts lie in a folder (CRIU's images, the
 * changes of the root file system, what was noted of the container), in containerd's own layout.
 * It never takes anything from a container, and never judges an archive: that is verify's.
 */
export { type Assembled, type AssemblyRequest, assembleArchive } from './assemble.ts';
export { type FullDiskDecision, judgeFullDisk } from './full-disk.ts';
export { imagesSpaceBytes } from './images-space.ts';
export {
  clearImageLeftovers,
  type ImageLeftover,
  type ImageLeftoverCode,
  type ImagesClaim,
  imageLeftovers,
} from './leftover-images.ts';
export type { MissingMember } from './member.ts';
export { describeParts, imagesBytes, type Parts } from './parts.ts';
export { type Removal, removeImages } from './remove-images.ts';
