import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type ArchiveRecord, verifyArchive } from '../../../src/archive/index.ts';
import { checkpointctl, type LabNode } from '../lib/index.ts';

/** Proves one archive: by our own verification with its hash, and by checkpointctl. */
export async function proveArchive(node: LabNode, record: ArchiveRecord): Promise<void> {
  const path = join(node.checkpointsDir, record.archive);
  const report = await verifyArchive(path);
  expect(report.verification.kind).toBe('complete');
  expect(report.record.kind).toBe('matches');
  expect(report.sha256).toBe(record.sha256);
  const listed = await checkpointctl(['list', node.checkpointsDir]);
  expect(listed).toContain(record.pod);
  for (const text of [
    listed,
    await checkpointctl(['show', path]),
    await checkpointctl(['inspect', '--all', path]),
  ]) {
    expect(text).not.toMatch(/error/i);
  }
}
