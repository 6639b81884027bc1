/**
 * Resolves at the first SIGTERM or SIGINT, with its name. A second one ends the process at once,
 * for people who cannot wait.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const hear = (signal: NodeJS.Signals) => {
      process.removeListener('SIGTERM', hear);
      process.removeListener('SIGINT', hear);
      process.once('SIGTERM', () => process.exit(143));
      process.once('SIGINT', () => process.exit(130));
      resolve(signal);
    };
    process.once('SIGTERM', hear);
    process.once('SIGINT', hear);
  });
}
