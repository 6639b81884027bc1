import { type ErrorCode, errorCodes } from './error-codes.ts';

/** What a StillpointError is made of. `message` says where, what was given and what is allowed. */
export interface StillpointErrorFields {
  code: ErrorCode;
  message: string;
  /** What to do about it; the code's own hint when left out or empty. */
  hint?: string;
  /** Whether the same call may succeed later with nothing changed. */
  retryable?: boolean;
  /** Evidence for machines: numbers, paths, the reply's status. Never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * The one error of this program. Foreign errors become one at the edge where they come in; inside,
 * nobody reads a message text: decisions are made on `code`.
 */
export class StillpointError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  constructor(fields: StillpointErrorFields) {
    super(fields.message, { cause: fields.cause });
    this.name = 'StillpointError';
    this.code = fields.code;
    this.hint = fields.hint || errorCodes[fields.code].hint;
    this.retryable = fields.retryable ?? errorCodes[fields.code].retryable;
    this.details = fields.details ?? {};
  }
}

/** True for our own error, with one code or with any. */
export function isStillpointError(error: unknown, code?: ErrorCode): error is StillpointError {
  return error instanceof StillpointError && (code === undefined || error.code === code);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return Error.isError(error) ? error.message : String(error);
}

/**
 * The Node error code (`ENOENT`, `ECONNREFUSED`) found on the error or down its causes. Asks with
 * Error.isError, because errors of the file system come from another realm under jest.
 */
export function nodeCodeOf(error: unknown): string | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < 8 && Error.isError(current); depth++) {
    const { code, errors } = current as NodeJS.ErrnoException & { errors?: unknown };
    if (typeof code === 'string') return code;
    current = Array.isArray(errors) && errors.length > 0 ? errors[0] : current.cause;
  }
  return undefined;
}

/** Makes a bug visible: call where the type system says that nothing can arrive. */
export function unreachable(value: never, where: string): never {
  throw new StillpointError({
    code: 'internal',
    message: `${where}: a value that cannot exist: ${JSON.stringify(value)}`,
  });
}
