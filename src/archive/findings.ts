/** Everything that can be wrong with an archive, with its sentence. Printed by CLI and log. */
export const findingCodes = {
  'file-missing': 'there is no such file',
  'images-unusable': 'no archive can be made of what the capture left in its folder',
  'not-a-file': 'it is a link or a special file, not a regular one',
  empty: 'the file is empty',
  'not-a-tar': 'the file does not begin like a tar',
  'header-damaged': 'a header of the tar is damaged',
  truncated: 'the file ends before its members do',
  'no-end': 'the end-of-archive mark is missing: the writer did not finish',
  'old-tail': 'bytes follow the end of the archive: it was written over an older, longer file',
  'sparse-member': 'a member is stored sparse, as no runtime writes it',
  'too-many-members': 'the tar has more members than any checkpoint',
  'name-too-long': 'the name of a member is longer than any path',
  'unsafe-name': 'the name of a member leads out of the directory it is unpacked in',
  'member-twice': 'a member is there twice, so it is not clear which one counts',
  'member-missing': 'a required member is missing',
  'member-too-large': 'a member is larger than it can honestly be',
  'image-malformed': 'a CRIU image cannot be read',
  'pages-missing': 'a page map has no pages file',
  'pages-empty': 'the pages files hold nothing',
  'pages-size': 'the size of a pages file is not what its page map says',
  'pages-unclaimed': 'a pages file belongs to no page map',
  'metadata-malformed': 'a metadata member is not the JSON it must be',
  'identity-missing': 'the archive does not say which container it is of',
  'other-container': 'it is an archive of another container than the one that was asked for',
  'recorded-already': 'it has a record already, of another capture',
  changed: 'the file changed while it was read: it is still being written',
  more: 'more is wrong with it than is told',
} as const;

export type FindingCode = keyof typeof findingCodes;

/** One thing that is wrong, and where. */
export interface Finding {
  code: FindingCode;
  /** Name of the member or the offset, numbers that differ. */
  detail: string;
}

/** Findings of one archive that are told: enough for people, few enough for a line of the log. */
const FINDINGS_MAX = 50;

/** Adds findings up to the bound; what comes after it shows as one `more`. */
export function addFindings(into: Finding[], found: Iterable<Finding>): void {
  for (const finding of found) {
    if (into.length > FINDINGS_MAX) return;
    const isLast = into.length === FINDINGS_MAX;
    into.push(isLast ? { code: 'more', detail: `than ${FINDINGS_MAX} findings` } : finding);
  }
}

/** Why an archive can be neither proved complete nor called broken; with its sentence. */
export const unverifiedReasons = {
  'image-version': 'the CRIU images are of a version whose page sizes cannot be checked',
  'needs-parent': 'the images refer to an earlier dump that is not in the archive',
  'no-status-dump': 'status.dump is missing, as in archives of containerd 2.0',
  'unknown-engine': 'it was made by an engine whose archives are not known here',
} as const;

export type UnverifiedReason = keyof typeof unverifiedReasons;

/** One line for people. */
export function describeFinding(finding: Finding): string {
  return `${findingCodes[finding.code]} (${finding.detail})`;
}
