import { messageOf, nodeCodeOf } from '../../base/index.ts';

/** What the system says, in the words that a Go program would use. */
export function systemWords(error: unknown): string {
  switch (nodeCodeOf(error)) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'ENAMETOOLONG':
      return 'file name too long';
    case 'EACCES':
      return 'permission denied';
    case 'EROFS':
      return 'read-only file system';
    case 'ENOSPC':
      return 'no space left on device';
    default:
      return messageOf(error);
  }
}
