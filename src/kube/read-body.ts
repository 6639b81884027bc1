import type { Readable } from 'node:stream';
import { messageOf, StillpointError } from '../base/index.ts';
import type { Asked } from './from-http.ts';

/** The whole body as text; over `bytesMax` the connection is given up with `too-large`. */
export async function readBody(body: Readable, bytesMax: number, where: string): Promise<string> {
  const { text, isCut } = await readStart(body, bytesMax);
  if (!isCut) return text;
  const message = `${where}: the answer is larger than ${bytesMax} bytes`;
  throw new StillpointError({ code: 'too-large', message });
}

/** The body as text, cut to `bytesMax`; what follows is not read. */
export async function readStart(
  body: Readable,
  bytesMax: number,
): Promise<{ text: string; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) break;
  }
  const text = Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8');
  return { text, isCut: bytes > bytesMax };
}

/**
 * Lines of a stream without their newline. Works on bytes, so that a character cut by the network
 * stays whole and the cap is exact. Over `lineBytesMax` it throws `too-large`.
 */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  lineBytesMax: number,
  where: string,
): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      refuseLong(bytes + end - start, lineBytesMax, where);
      if (bytes === 0) yield chunk.toString('utf8', start, end);
      else {
        const whole = Buffer.concat([...parts, chunk.subarray(start, end)]);
        parts = [];
        bytes = 0;
        yield whole.toString('utf8');
      }
      start = end + 1;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      bytes += chunk.length - start;
      refuseLong(bytes, lineBytesMax, where);
    }
  }
  if (bytes > 0) yield Buffer.concat(parts).toString('utf8');
}

function refuseLong(bytes: number, bytesMax: number, where: string): void {
  if (bytes <= bytesMax) return;
  const message = `${where}: a line of more than ${bytesMax} bytes`;
  throw new StillpointError({ code: 'too-large', message });
}

/** An answer that must be JSON; `bad-input` when it is not. */
export function parseJson<T>(text: string, asked: Asked): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const message = `${asked.method} ${asked.path}: the answer is no JSON: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'bad-input', message, cause });
  }
}
