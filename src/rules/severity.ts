/** Falco's priorities, the gravest first (falco.yaml, `priority`). */
export const severities = [
  'Emergency',
  'Alert',
  'Critical',
  'Error',
  'Warning',
  'Notice',
  'Informational',
  'Debug',
] as const;

/** The rank of a priority, 0 the gravest, in any case; `Info` too. Undefined when it is none. */
export function severityRank(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.toLowerCase();
  const rank = severities.findIndex((severity) => severity.toLowerCase() === text);
  if (rank >= 0) return rank;
  return text === 'info' ? severities.indexOf('Informational') : undefined;
}
