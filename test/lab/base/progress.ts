/**
 * Says on standard error what is being done and how long it took; every 30 s it says that it is
 * still at it, so that nobody takes a long build for a hung one.
 */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const seconds = () => ((performance.now() - startedMs) / 1000).toFixed(1);
  const still = setInterval(() => say(`… ${what}: still at it after ${seconds()} s`), 30_000);
  try {
    const result = await work();
    say(`✓ ${what} (${seconds()} s)`);
    return result;
  } catch (error) {
    say(`✗ ${what} failed after ${seconds()} s`);
    throw error;
  } finally {
    clearInterval(still);
  }
}

export function say(line: string): void {
  process.stderr.write(`lab: ${line}\n`);
}
