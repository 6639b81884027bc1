import { type ErrorCode, messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';

const codeOfErrno: Record<string, ErrorCode> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EACCES: 'not-writable',
  EPERM: 'not-writable',
  EROFS: 'not-writable',
  ENOSPC: 'disk-low',
  EDQUOT: 'disk-low',
  ELOOP: 'bad-input',
  EMLINK: 'bad-input',
  ENAMETOOLONG: 'bad-input',
  EISDIR: 'bad-input',
  ENXIO: 'bad-input',
};

/**
 * Errors of the file system become ours here. `doing` is a verb for people: "read", "write".
 * What has no name of its own is `io`: it says nothing about the archive, so nothing is concluded.
 */
export function fromFs(error: unknown, doing: string, path: string): StillpointError {
  if (error instanceof StillpointError) return error;
  const errno = nodeCodeOf(error) ?? '';
  return new StillpointError({
    code: codeOfErrno[errno] ?? 'io',
    message:
      errno === 'ELOOP'
        ? `cannot ${doing} ${path}: it is a link, and links are never followed here`
        : `cannot ${doing} ${path}: ${messageOf(error)}`,
    details: { errno, path },
    cause: error,
  });
}
