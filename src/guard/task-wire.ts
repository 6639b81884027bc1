import { StillpointError } from '../base/index.ts';
import type { TaskState } from '../cri/index.ts';

/** gRPC's frame: one byte for compression, four for the length, the message (PROTOCOL-HTTP2.md). */
const HEAD_BYTES = 5;

/** A request with the container's id in field 1: GetRequest, ResumeTaskRequest. */
export function encodeContainerId(containerId: string): Buffer {
  const id = Buffer.from(containerId, 'utf8');
  // A length of more than 127 would need a second byte; ids have 64 characters.
  if (id.length > 127) {
    throw new StillpointError({
      code: 'bad-input',
      message: `a container id of ${id.length} bytes: ${containerId.slice(0, 40)}…`,
    });
  }
  return Buffer.concat([Buffer.from([0x0a, id.length]), id]);
}

export function writeFrame(message: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export type Framed = { kind: 'message'; message: Buffer } | { kind: 'none'; why: string };

export function readFrame(body: Buffer): Framed {
  if (body.length < HEAD_BYTES) return { kind: 'none', why: `a reply of ${body.length} bytes` };
  if (body[0] !== 0) return { kind: 'none', why: 'a compressed reply, which nobody asked for' };
  const length = body.readUInt32BE(1);
  if (body.length !== HEAD_BYTES + length) return { kind: 'none', why: 'a reply cut short' };
  return { kind: 'message', message: body.subarray(HEAD_BYTES) };
}

/** Status of containerd.v1.types.Process, by its number. */
const states: readonly TaskState[] = [
  'unknown',
  'created',
  'running',
  'stopped',
  'paused',
  'pausing',
];

/** GetResponse: field 1 is the Process, whose field 4 is the status; 0 is not written at all. */
export function readTaskState(message: Buffer): TaskState {
  const process = fieldOf(message, 1);
  const status = Buffer.isBuffer(process) ? fieldOf(process, 4) : undefined;
  return states[typeof status === 'number' ? status : 0] ?? 'unknown';
}

/** The last value of a field, as protobuf has it: a number, or bytes. Error: `runtime-failed`. */
function fieldOf(message: Buffer, wanted: number): number | Buffer | undefined {
  let found: number | Buffer | undefined;
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw badReply();
      // Multiplied, not shifted: beyond 32 bits a shift wraps round.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw badReply();
  };
  const bytes = (length: number) => {
    if (at + length > message.length) throw badReply();
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const value = readValue(key % 8, varint, bytes);
    if (Math.floor(key / 8) === wanted) found = value;
  }
  return found;
}

function readValue(
  wireType: number,
  varint: () => number,
  bytes: (length: number) => Buffer,
): number | Buffer {
  if (wireType === 0) return varint();
  if (wireType === 1) return bytes(8);
  if (wireType === 2) return bytes(varint());
  if (wireType === 5) return bytes(4);
  throw badReply();
}

function badReply(): StillpointError {
  const message = 'Tasks.Get: the reply is no protobuf message';
  return new StillpointError({ code: 'runtime-failed', message });
}
