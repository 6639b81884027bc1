/**
 * sim/archive: writes checkpoint archives as containerd would have made them of a process that
 * sleeps. The images are sound in form and sizes, not a process that could be restored.
 */
export { type ArchiveContent, type ArchiveDamage, writeArchive } from './archive-writer.ts';
export { type ImageProcess, PAGE_BYTES } from './criu-images.ts';
