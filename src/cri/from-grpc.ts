import { type ErrorCode, messageOf, StillpointError } from '../base/index.ts';

/** What was going on when a call failed; the reply's code alone proves little. */
export interface CallCircumstances {
  /** `CheckpointContainer`, for messages. */
  call: string;
  socket: string;
  /** Our signal was aborted, so we cancelled it. */
  cancelledByUs: boolean;
  /** Our own deadline passed, so we cancelled it. */
  deadlinePassed: boolean;
}

/** gRPC status codes that have a meaning of their own for us; any other is `runtime-failed`. */
const codeOfStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [1, 'unreachable'],
  [4, 'timeout'],
  [5, 'not-found'],
  [7, 'forbidden'],
  [8, 'too-large'],
  [12, 'unsupported'],
  [14, 'unreachable'],
  [16, 'unauthorized'],
]);

/** Text of the other side that is kept: enough for runc's whole output, not for a dump. */
const TEXT_LENGTH_MAX = 4096;

/**
 * The edge: every gRPC error becomes ours here. Code 1 (CANCELLED) is `cancelled` or `timeout`
 * only when we did cancel; a runtime that dies in the middle of a call gives 14 or 1.
 */
export function fromGrpc(error: unknown, circumstances: CallCircumstances): StillpointError {
  if (error instanceof StillpointError) return error;
  const { call, socket } = circumstances;
  const grpcCode = numberField(error, 'code');
  const said = textField(error, 'details') ?? messageOf(error);
  const grpcText = withoutDebris(said).slice(0, TEXT_LENGTH_MAX);
  return new StillpointError({
    code: chooseCode(grpcCode, circumstances),
    message: `${call} on ${socket}: ${describe(grpcText, circumstances)}`,
    details: { call, socket, grpcCode, grpcText },
    cause: error,
  });
}

/** What grpc-js adds of its own (load-balancer-pick-first.js) is about name resolution. */
function withoutDebris(text: string): string {
  const said = text.replace(/\.? ?Resolution note:[\s\S]*$/, '');
  const [, last] =
    /^No connection established\. Last error: (?:Error: )?([\s\S]+)$/.exec(said) ?? [];
  if (last === undefined) return said;
  return last === 'null' ? 'no connection' : last;
}

function chooseCode(grpcCode: number | undefined, given: CallCircumstances): ErrorCode {
  // The server's own verdict may have crossed our cancel on the way: it is the truth then.
  const cutOff = grpcCode === undefined || grpcCode === 1 || grpcCode === 4 || grpcCode === 14;
  if (cutOff && given.cancelledByUs) return 'cancelled';
  if (cutOff && given.deadlinePassed) return 'timeout';
  return codeOfStatus.get(grpcCode ?? -1) ?? 'runtime-failed';
}

function describe(grpcText: string, given: CallCircumstances): string {
  if (given.cancelledByUs) return `given up by us (${grpcText})`;
  if (given.deadlinePassed) return `no answer in time, given up (${grpcText})`;
  return grpcText;
}

function numberField(error: unknown, field: string): number | undefined {
  const value = (error as Record<string, unknown> | null | undefined)?.[field];
  return typeof value === 'number' ? value : undefined;
}

function textField(error: unknown, field: string): string | undefined {
  const value = (error as Record<string, unknown> | null | undefined)?.[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
