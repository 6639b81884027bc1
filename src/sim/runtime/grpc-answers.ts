import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { assetPath, systemClock } from '../../base/index.ts';
import type { GrpcCodeName } from '../faults.ts';

export type Unary = grpc.handleUnaryCall<Record<string, unknown>, unknown>;

/** Why a caller gives a call up: it went away, or the deadline of its call expired. */
export type GivenUp = 'cancelled' | 'deadline';

/** How a call ended, in gRPC's words. */
export interface CallResult {
  code: GrpcCodeName;
  message: string;
}

export const OK: CallResult = { code: 'OK', message: '' };
export const DEADLINE: CallResult = {
  code: 'DeadlineExceeded',
  message: 'context deadline exceeded',
};

export function loadService(protoFile: string, name: string): grpc.ServiceDefinition {
  const options = {
    keepCase: true,
    longs: Number,
    defaults: true,
    includeDirs: [assetPath('proto')],
  };
  return loadSync(protoFile, options)[name] as grpc.ServiceDefinition;
}

/** A unary call; a thrown service error becomes the reply. */
export function answer(
  make: (request: Record<string, unknown>, call: { leaseOf(): string }) => unknown,
): Unary {
  return async (call, respond) => {
    const leaseOf = () => String(call.metadata.get('containerd-lease')[0] ?? '');
    try {
      respond(null, await make(call.request, { leaseOf }));
    } catch (error) {
      respond(isServiceError(error) ? error : serviceError('Internal', String(error)));
    }
  };
}

/** A unary call that knows when its caller gives it up, and how. */
export function answerUntilGivenUp(
  make: (request: Record<string, unknown>, signal: AbortSignal) => Promise<CallResult>,
): Unary {
  return (call, respond) => {
    const controller = new AbortController();
    const deadline = call.getDeadline();
    call.on('cancelled', () => {
      // A call's deadline is real time, whatever clock the sim runs on.
      const expired = Number(deadline) <= systemClock.wallMs();
      controller.abort((expired ? 'deadline' : 'cancelled') satisfies GivenUp);
    });
    make(call.request, controller.signal)
      .then(({ code, message }) => {
        if (code === 'OK') respond(null, {});
        else respond(serviceError(code, message));
      })
      .catch((error: unknown) => respond(serviceError('Internal', String(error))));
  };
}

/** Resolves only if the deadline of the call expires. */
export function deadlineOf(signal: AbortSignal): Promise<CallResult> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      if (signal.reason === 'deadline') resolve(DEADLINE);
    });
  });
}

/** Resolves when the caller gives up; rejects when the sim stops. */
export function aborted(caller: AbortSignal, sim: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (caller.aborted) resolve();
    caller.addEventListener('abort', () => resolve(), { once: true });
    sim.addEventListener('abort', () => reject(sim.reason), { once: true });
  });
}

export function serviceError(code: GrpcCodeName, details: string): grpc.ServiceError {
  return Object.assign(new Error(details), {
    code: GRPC_STATUS[code],
    details,
    metadata: new grpc.Metadata(),
  });
}

export function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error;
}

const GRPC_STATUS: Record<GrpcCodeName, grpc.status> = {
  OK: grpc.status.OK,
  Canceled: grpc.status.CANCELLED,
  Unknown: grpc.status.UNKNOWN,
  InvalidArgument: grpc.status.INVALID_ARGUMENT,
  DeadlineExceeded: grpc.status.DEADLINE_EXCEEDED,
  NotFound: grpc.status.NOT_FOUND,
  AlreadyExists: grpc.status.ALREADY_EXISTS,
  PermissionDenied: grpc.status.PERMISSION_DENIED,
  ResourceExhausted: grpc.status.RESOURCE_EXHAUSTED,
  FailedPrecondition: grpc.status.FAILED_PRECONDITION,
  Unimplemented: grpc.status.UNIMPLEMENTED,
  Internal: grpc.status.INTERNAL,
  Unavailable: grpc.status.UNAVAILABLE,
};
