import { RE2JS } from 're2js';
import { globMatches, StillpointError } from '../base/index.ts';
import { compilePattern } from './patterns.ts';
import { withoutSecrets } from './secret-texts.ts';

/** What stands in the place of what was taken out. */
const REDACTED = '[redacted]';

/** Globs on the path of a field, in lower case: its whole value goes. */
export const secretFields: readonly string[] = [
  '*password*',
  '*passwd*',
  '*passphrase*',
  '*secret*',
  '*token*',
  '*api_key*',
  '*apikey*',
  '*api-key*',
  '*private_key*',
  '*credential*',
  '*authorization*',
  '*cookie*',
];

/** Takes secrets out of what is kept and told of a signal; rules look at it as it came. */
export interface Redactor {
  /** The value of a field of an alert, by its path: `output_fields.proc.cmdline`. */
  field<T>(path: string, value: T): T | string;
  text(text: string): string;
}

export interface RedactorOptions {
  /** Globs on field paths, upper and lower case alike; default: `secretFields`. */
  fields?: readonly string[];
  /** RE2 patterns of one's own; what they match goes, besides what is known by its look. */
  patterns?: readonly string[];
}

/** Error: `bad-config` for a pattern that cannot be used. */
export function createRedactor(options: RedactorOptions = {}): Redactor {
  const isSecretPath = pathTest(options.fields ?? secretFields);
  const own = (options.patterns ?? []).map(compileOwn);
  const text = (given: string) => {
    let kept = withoutSecrets(given, REDACTED);
    for (const pattern of own) kept = pattern.matcher(kept).replaceAll(REDACTED);
    return kept;
  };
  return {
    text,
    field(path, value) {
      if (value === null || typeof value === 'boolean') return value;
      if (isSecretPath(path.toLowerCase())) return REDACTED;
      return typeof value === 'string' ? text(value) : value;
    },
  };
}

/** Most globs only ask for a word somewhere in the path, which costs far less to find as such. */
function pathTest(fields: readonly string[]): (path: string) => boolean {
  const globs = fields.map((glob) => glob.toLowerCase());
  const words = globs.flatMap((glob) => /^\*([^*?]+)\*$/.exec(glob)?.[1] ?? []);
  const others = globs.filter((glob) => !/^\*[^*?]+\*$/.test(glob));
  return (path) =>
    words.some((word) => path.includes(word)) || others.some((glob) => globMatches(glob, path));
}

function compileOwn(pattern: string): RE2JS {
  const checked = compilePattern(pattern);
  if (checked.ok) return RE2JS.compile(pattern);
  throw new StillpointError({
    code: 'bad-config',
    message: `redact.patterns: ${JSON.stringify(pattern)} ${checked.why}`,
  });
}
