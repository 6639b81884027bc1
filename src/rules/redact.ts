import { RE2JS } from 're2js';
import { globMatches, StillpointError } from '../base/index.ts';
import { compilePattern } from './patterns.ts';

/** What stands in the place of what was taken out. */
export const REDACTED = '[redacted]';

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

/** A kind of secret inside a text. `marks`: without one of these, in lower case, there is none. */
interface SecretText {
  marks: readonly string[];
  pattern: string;
  replacement: string;
}

const SECRET_NAME =
  '(?:password|passwd|passphrase|secret|token|(?:api|access|private)[_-]?key)[\\w-]{0,32}';
const SECRET_VALUE = '(?:"[^"]*"|\'[^\']*\'|[^\\s"\'&;,]+)';
/** Other words of the same command, up to an option. */
const WORDS = '[ \\t](?:[^|;&\\r\\n]*?[ \\t])?';

/**
 * Secrets that show by their own look, in a command line or a message. Few and certain: what is
 * taken out of evidence cannot be put back.
 */
const secretTexts: readonly SecretText[] = [
  {
    marks: ['private key'],
    pattern:
      '(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\\z)',
    replacement: REDACTED,
  },
  {
    marks: ['authorization'],
    pattern: '(?i)(authorization["\']?[ \\t]*[=:][ \\t]*["\']?)[^\\r\\n"\']+',
    replacement: `$1${REDACTED}`,
  },
  {
    marks: ['bearer ', 'basic '],
    pattern: '(?i)\\b(bearer|basic)[ \\t]+[A-Za-z0-9._~+/=-]{8,}',
    replacement: `$1 ${REDACTED}`,
  },
  {
    marks: ['password', 'passwd', 'passphrase', 'secret', 'token', 'key'],
    pattern: `(?i)(${SECRET_NAME}["']?[ \\t]*[=:][ \\t]*)${SECRET_VALUE}`,
    replacement: `$1${REDACTED}`,
  },
  {
    // An option of a command line, and its value as the next word.
    marks: ['password', 'passwd', 'passphrase', 'secret', 'token', 'key'],
    pattern: `(?i)(-[\\w-]{0,32}${SECRET_NAME}[ \\t]+)${SECRET_VALUE}`,
    replacement: `$1${REDACTED}`,
  },
  {
    // DB_PASS=x, MYSQL_PWD=x, pass=x; PWD alone is a directory.
    marks: ['pass=', '_pwd='],
    pattern: `(?i)((?:\\bpass|_pass|_pwd)=)${SECRET_VALUE}`,
    replacement: `$1${REDACTED}`,
  },
  {
    // Programs whose short options hold a password.
    marks: ['sshpass', 'mysql', 'mariadb'],
    pattern: `(\\b(?:sshpass[ \\t]+-p[ \\t]*|(?:mysql|mariadb)[\\w-]*${WORDS}-p))${SECRET_VALUE}`,
    replacement: `$1${REDACTED}`,
  },
  {
    marks: ['curl'],
    pattern: `(\\bcurl${WORDS}(?:-u[ \\t]*|--user[ \\t=])["']?[^\\s:"']+:)${SECRET_VALUE}`,
    replacement: `$1${REDACTED}`,
  },
  {
    marks: ['redis-cli'],
    pattern: `(\\bredis-cli${WORDS}-a[ \\t]+)${SECRET_VALUE}`,
    replacement: `$1${REDACTED}`,
  },
  {
    marks: ['akia', 'asia'],
    pattern: '\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b',
    replacement: REDACTED,
  },
  {
    marks: ['eyj'],
    pattern: '\\beyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*)?',
    replacement: REDACTED,
  },
  {
    marks: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_', 'glpat-', 'xox'],
    pattern:
      '\\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\\w{20,}|glpat-[\\w-]{20,}|xox[abeprs]-[\\w-]{10,})',
    replacement: REDACTED,
  },
  {
    marks: ['://'],
    pattern: '(://[^\\s/:@]*:)[^\\s/@]+@',
    replacement: `$1${REDACTED}@`,
  },
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
  const globs = (options.fields ?? secretFields).map((glob) => glob.toLowerCase());
  const known = secretTexts.map((one) => ({ ...one, compiled: RE2JS.compile(one.pattern) }));
  const own = (options.patterns ?? []).map(compileOwn);
  const text = (given: string) => {
    const lower = given.toLowerCase();
    let kept = given;
    for (const { marks, compiled, replacement } of known) {
      if (!marks.some((mark) => lower.includes(mark))) continue;
      kept = compiled.matcher(kept).replaceAll(replacement);
    }
    for (const pattern of own) kept = pattern.matcher(kept).replaceAll(REDACTED);
    return kept;
  };
  return {
    text,
    field(path, value) {
      if (value === null || typeof value === 'boolean') return value;
      const lower = path.toLowerCase();
      if (globs.some((glob) => globMatches(glob, lower))) return REDACTED;
      return typeof value === 'string' ? text(value) : value;
    },
  };
}

function compileOwn(pattern: string): RE2JS {
  const checked = compilePattern(pattern);
  if (checked.ok) return RE2JS.compile(pattern);
  throw new StillpointError({
    code: 'bad-config',
    message: `redact.patterns: ${JSON.stringify(pattern)} ${checked.why}`,
  });
}
