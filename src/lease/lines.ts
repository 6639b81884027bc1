import { StillpointError } from '../base/index.ts';

/** Cuts what a socket gives into lines. */
export interface LineReader {
  /** Calls `onLine` for each line that is complete. Errors: `too-large`, and those of `onLine`. */
  take(chunk: Buffer): void;
}

const NEWLINE = 0x0a;

/** Holds at most `bytesMax` bytes of a line that has no end yet. */
export function createLineReader(bytesMax: number, onLine: (line: string) => void): LineReader {
  let rest: Buffer = Buffer.alloc(0);
  return {
    take(chunk) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      // Emptied first, so that a reader that has failed once holds nothing any more.
      rest = Buffer.alloc(0);
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE)) {
        if (end > bytesMax) throw tooLong(bytesMax);
        onLine(bytes.toString('utf8', 0, end));
        bytes = bytes.subarray(end + 1);
      }
      if (bytes.length > bytesMax) throw tooLong(bytesMax);
      rest = Buffer.from(bytes);
    },
  };
}

function tooLong(bytesMax: number): StillpointError {
  const message = `guard socket: a line of more than ${bytesMax} bytes`;
  return new StillpointError({ code: 'too-large', message });
}
