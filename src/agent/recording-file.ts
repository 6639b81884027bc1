import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeCodeOf } from '../base/index.ts';

/** A file that grows, and the one before it under the same name with `.1`. Mode 0600. */
export interface RecordingFile {
  /** Begins a new file; what was there becomes the one before. */
  rotate(): Promise<void>;
  /** All of the text or, after an error, nothing of it. */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

export function createRecordingFile(path: string): RecordingFile {
  let file: FileHandle | undefined;
  let bytes = 0;

  const rotate = async () => {
    await file?.close();
    file = undefined;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      await rename(path, `${path}.1`);
    } catch (error) {
      if (nodeCodeOf(error) !== 'ENOENT') throw error;
    }
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    // Exclusive: a link that somebody put there is not followed.
    file = await open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600);
    bytes = 0;
  };

  return {
    rotate,
    async append(text) {
      if (!file) await rotate();
      const to = file;
      if (!to) return;
      const data = Buffer.from(text);
      try {
        for (let done = 0; done < data.length; ) {
          const { bytesWritten } = await to.write(data, done, data.length - done, bytes + done);
          done += bytesWritten;
        }
        bytes += data.length;
      } catch (error) {
        await to.truncate(bytes);
        throw error;
      }
    },
    async close() {
      await file?.close();
      file = undefined;
    },
  };
}
