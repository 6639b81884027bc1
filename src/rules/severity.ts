/** The severities in their order, the gravest first: syslog's, and Falco's priorities. */
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

/**
 * What others write for the same: syslog's short forms, the severity labels of Prometheus users
 * (`page`, `info`, `none`), scanners (`high`, `moderate`), and log levels (CloudEvents'
 * `severitytext`).
 */
const alsoCalled: Readonly<Record<(typeof severities)[number], readonly string[]>> = {
  Emergency: ['emerg', 'panic'],
  Alert: [],
  Critical: ['crit', 'fatal', 'page'],
  Error: ['err', 'high', 'major'],
  Warning: ['warn', 'medium', 'moderate', 'minor'],
  Notice: ['low', 'ticket'],
  Informational: ['info', 'information'],
  Debug: ['trace', 'none'],
};

const ranks: ReadonlyMap<string, number> = new Map(
  severities.flatMap((severity, rank) =>
    [severity.toLowerCase(), ...alsoCalled[severity]].map((word): [string, number] => [word, rank]),
  ),
);

/** The order for people: `Emergency (emerg, panic) > Alert > …`. */
export const severityOrder = severities
  .map((severity) => {
    const words = alsoCalled[severity];
    return words.length > 0 ? `${severity} (${words.join(', ')})` : severity;
  })
  .join(' > ');

const WORD_CHARS_MAX = 16;

/** The rank of a severity, 0 the gravest, upper and lower case alike; undefined when it is none. */
export function severityRank(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length > WORD_CHARS_MAX) return undefined;
  return ranks.get(value.toLowerCase());
}
