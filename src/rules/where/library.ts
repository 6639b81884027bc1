import { StillpointError } from '../../base/index.ts';

export type CelLibrary = typeof import('@marcbachmann/cel-js');

let library: CelLibrary | undefined;

/** Loads the CEL library, which costs megabytes and so waits for the first rule with `where`. */
export async function prepareWhere(): Promise<void> {
  library ??= await import('@marcbachmann/cel-js');
}

/** The library; error `internal` before prepareWhere. */
export function cel(): CelLibrary {
  if (library) return library;
  throw new StillpointError({
    code: 'internal',
    message: 'a rule has `where`, but CEL was not loaded: call prepareWhere first',
  });
}
