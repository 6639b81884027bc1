/**
 * archive: reads, proves and indexes checkpoint archives. It never makes a checkpoint and never
 * deletes a complete archive: that is retention's.
 */
export type { ArchiveRecord, RecordCause } from './record.ts';
