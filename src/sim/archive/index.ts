/**
 * sim/archive: writes checkpoint archives as containerd would have made them of a process that
 * sleeps, and the images alone as CRIU would have. They are sound in form and sizes, not a process
 * that could be restored.
 */
export { type ArchiveContent, type ArchiveDamage, writeArchive } from './archive-writer.ts';
export { type ImageProcess, PAGE_BYTES } from './criu-images.ts';
export {
  type DumpPlaces,
  makeDumpDirectories,
  writeDump,
  writeHalfDump,
} from './images-writer.ts';
