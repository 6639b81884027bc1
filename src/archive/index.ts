/**
 * archive: reads, proves and indexes checkpoint archives, and makes them of images that a capture
 * left. It never makes a checkpoint and never deletes a complete archive: that is retention's. Works
 * on a plain directory without an agent too (listDirectory, showArchive, verifyArchive); what writes
 * is behind createArchives.
 */

export { type Archives, type ArchivesStart, createArchives } from './archives.ts';
export {
  type FullDiskDecision,
  type ImageLeftover,
  type ImageLeftoverCode,
  type ImagesClaim,
  imageLeftovers,
  imagesBytes,
  judgeFullDisk,
  type MissingMember,
  removeImages,
} from './assembly/index.ts';
export { type FileIdentity, identityOf, sameFile } from './byte-source.ts';
export type { Catalog } from './catalog.ts';
export type { DumpStats } from './criu-images.ts';
export {
  describeFinding,
  type Finding,
  type FindingCode,
  findingCodes,
  type UnverifiedReason,
  unverifiedReasons,
} from './findings.ts';
export { type FileHash, hashFile } from './hash.ts';
export {
  type ArchiveReport,
  type RecordCheck,
  showArchive,
  verifyArchive,
} from './inspect.ts';
export { type KeepRequest, type KeepResult, keepRequestOf } from './keep.ts';
export { type Leftover, type LeftoverCode, leftovers } from './leftovers.ts';
export {
  type ArchiveEntry,
  listDirectory,
  type RecordSummary,
  readEntry,
  type Standing,
} from './listing.ts';
export type { ArchiveMetadata, Engine } from './metadata.ts';
export { isArchiveName } from './names.ts';
export type { ArchiveRecord, RecordCause, RecordedDump } from './record.ts';
export { type RecordReading, type Records, syncDirectory } from './records.ts';
export type { ArchiveFacts, Verification } from './verify.ts';
