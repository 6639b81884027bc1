import { open } from 'node:fs/promises';
import { messageOf, nodeCodeOf, StillpointError } from '../base/index.ts';

/** No key, certificate bundle or token is larger; in bytes. */
const FILE_BYTES_MAX = 1_048_576;

/**
 * Reads a small file with a secret or a certificate. Errors: `not-found`, `bad-config`. Its
 * content never appears in a message.
 */
export async function readSecretFile(path: string, what: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > FILE_BYTES_MAX) {
        throw new StillpointError({
          code: 'bad-config',
          message: `${what} ${path}: ${size} bytes; at most ${FILE_BYTES_MAX} are allowed`,
        });
      }
      const text = (await file.readFile('utf8')).trim();
      if (text !== '') return text;
      throw new StillpointError({ code: 'bad-config', message: `${what} ${path} is empty` });
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof StillpointError) throw error;
    throw new StillpointError({
      code: nodeCodeOf(error) === 'ENOENT' ? 'not-found' : 'bad-config',
      message: `${what} ${path}: ${messageOf(error)}`,
      cause: error,
    });
  }
}
