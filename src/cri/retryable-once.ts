/**
 * Does the work once for all who ask, and remembers what came of it; a failure is not remembered,
 * so that the next one who asks tries again.
 */
export function retryableOnce<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= work().catch((error: unknown) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}
