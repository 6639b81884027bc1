import {
  type ArchiveRecord,
  type ArchiveReport,
  describeFinding,
  type MissingMember,
  type RecordedDump,
} from '../archive/index.ts';
import { formatBytes, formatDuration } from '../base/index.ts';
import { formatFields, type Io, paint, printable } from './output.ts';

/** True when nothing speaks against the archive: complete, and equal to its record if it has one. */
export function isSound({ verification, record }: ArchiveReport): boolean {
  const fits = record.kind === 'matches' || record.kind === 'none';
  return verification.kind !== 'broken' && fits;
}

/** One archive for people: what it is, whether it is whole, and why it was made. */
export function describeReport(io: Io, report: ArchiveReport): string {
  const { archive, bytes, verification, record } = report;
  const known = record.kind === 'matches' || record.kind === 'differs' ? record.record : undefined;
  const facts = verification.kind === 'broken' ? undefined : verification.facts;
  const timings = known?.timings;
  const head = formatFields([
    ['archive', printable(archive)],
    ['size', formatBytes(bytes)],
    ['complete', verdict(io, report)],
    ['record', recordText(report)],
    ['pod', known && printable(`${known.namespace}/${known.pod}`)],
    ['container', known && printable(known.container)],
    ['image', known && printable(known.image)],
    ['node', known && printable(known.node)],
    ['engine', facts && printable(facts.metadata.engine)],
    ['processes', facts && String(facts.processes)],
    ['memory pages', facts && formatBytes(facts.pagesBytes)],
    ['captured', known && new Date(known.createdMs).toISOString()],
    ['through', known && printable(`${known.backend} (${known.backendReason})`)],
    ['stood still', stoodStill(known)],
    ['checkpoint', timings && formatDuration(timings.checkpointMs)],
    ['taken', known?.dump && dumpText(known.dump)],
    ['missing', known?.missing && missingText(known.missing)],
    ['sha256', known && printable(known.sha256)],
    ['class', known && printable(known.retainClass)],
    ['trigger', known && printable(known.trigger.id)],
  ]);
  const causes = (known?.trigger.causes ?? []).map(
    ({ rule, detail, atMs, signal }) =>
      `  ${new Date(atMs).toISOString()}  rule ${printable(rule)}: ${printable(signal.text)} (${printable(detail)})\n`,
  );
  return causes.length === 0 ? head : `${head}causes\n${causes.join('')}`;
}

/** Our own measure from freeze to thaw, else what the freezer showed. */
function stoodStill(record: ArchiveRecord | undefined): string | undefined {
  const ms = record?.dump?.stoodStillMs ?? record?.timings.frozenMs;
  return ms === undefined ? undefined : formatDuration(ms);
}

function dumpText(dump: RecordedDump): string {
  const { sequence, sequenceReason, consistency, pause, guardLapsed } = dump;
  const files = consistency === 'frozen' ? 'while it stood still' : 'while it ran';
  const frozen = { none: '', task: ', paused by us', freezer: ', frozen by us' };
  const lapsed = guardLapsed ? '; the guard process resumed it before we did' : '';
  const by = pause === undefined ? '' : frozen[pause];
  return printable(`${sequence} (${sequenceReason})${by}; files ${files}${lapsed}`);
}

function missingText(missing: readonly MissingMember[]): string {
  const texts = missing.map(({ member, why, isPartly }) =>
    isPartly ? `a part of ${member} (${why})` : `${member} (${why})`,
  );
  return printable(texts.join('; '));
}

function verdict(io: Io, { verification }: ArchiveReport): string {
  switch (verification.kind) {
    case 'complete':
      return paint(io, 'green', 'yes');
    case 'unverified':
      return paint(io, 'yellow', `cannot be told: ${printable(verification.detail)}`);
    case 'broken':
      return paint(
        io,
        'red',
        `no: ${printable(verification.findings.map(describeFinding).join('; '))}`,
      );
  }
}

function recordText({ record }: ArchiveReport): string {
  switch (record.kind) {
    case 'matches':
      return 'matches';
    case 'none':
      return 'none: not one of Stillpoint’s archives, or its record was lost';
    case 'broken':
      return `cannot be used: ${printable(record.why)}`;
    case 'differs':
      return `differs: ${printable(record.differences.join('; '))}`;
  }
}
