/**
 * Secrets that show by their own look, in a command line or a message. Few and certain: what is
 * taken out of evidence cannot be put back.
 *
 * A decision waits for this, and whoever writes an alert's text may want it slow. So each kind has
 * words that must be there, found at native speed, and patterns that look at each character a fixed
 * number of times at worst: what a pattern repeats without bound is never repeated again from a
 * place inside it. Patterns of users do not come here; they run on RE2.
 */
interface SecretText {
  /** Without one of these, in lower case, there is no such secret. */
  words: readonly string[];
  /** Where one may begin; global. */
  begins: RegExp;
  /** The secret itself, or from where on to look for the next place that `begins`. */
  find(text: string, begun: RegExpExecArray, known: Known): Span | number;
}

/** What was found out about a text on the way. */
interface Known {
  /** The end of the command that was last looked at. */
  commandEnd: number;
}

interface Span {
  from: number;
  to: number;
}

const ANY_NAME = ['password', 'passwd', 'passphrase', 'secret', 'token', 'key'];
const NAME = /password|passwd|passphrase|secret|token|(?:api|access|private)[_-]?key/gi;
/** How much of a name may stand before and after the word that tells. */
const NAME_REST_CHARS = 32;
const REST = /[\w-]{0,33}/y;
const ASSIGNED = /["']?[ \t]*[=:][ \t]*/y;
const SPACES = /[ \t]+/y;
const VALUE = /"[^"]*"|'[^']*'|[^\t\n\f\r "'&;,]+/y;

const KEY_END = /-----END [A-Z0-9 ]*PRIVATE KEY-----/g;
const COMMAND_END = /[|;&\r\n]|$/g;

const secretTexts: readonly SecretText[] = [
  {
    words: ['private key'],
    begins: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/g,
    find(text, begun) {
      // One that is cut off is one still.
      return { from: begun.index, to: endOf(KEY_END, text, endsAt(begun)) ?? text.length };
    },
  },
  {
    words: ['authorization'],
    begins: /authorization["']?[ \t]*[=:][ \t]*["']?/gi,
    find: (text, begun) => after(text, endsAt(begun), /[^\r\n"']+/y),
  },
  {
    words: ['bearer', 'basic'],
    begins: /\b(?:bearer|basic)[ \t]+/gi,
    find: (text, begun) => after(text, endsAt(begun), /[A-Za-z0-9._~+/=-]{8,}/y),
  },
  { words: ANY_NAME, begins: NAME, find: findNamed },
  {
    // DB_PASS=x, MYSQL_PWD=x, pass=x; PWD alone is a directory.
    words: ['pass=', '_pwd='],
    begins: /(?:\bpass|_pass|_pwd)=/gi,
    find: (text, begun) => after(text, endsAt(begun), VALUE),
  },
  // Programs whose short options hold a password.
  {
    words: ['sshpass'],
    begins: /\bsshpass[ \t]+-p[ \t]*/g,
    find: (text, begun) => after(text, endsAt(begun), VALUE),
  },
  {
    words: ['mysql', 'mariadb'],
    begins: /\b(?:mysql|mariadb)[\w-]*/g,
    find: (text, begun, known) => optionOf(text, begun, known, /[ \t]-p/g),
  },
  {
    words: ['curl'],
    begins: /\bcurl/g,
    find: (text, begun, known) =>
      optionOf(text, begun, known, /[ \t](?:-u[ \t]*|--user[ \t=])["']?[^\t\n\f\r :"']+:/g),
  },
  {
    words: ['redis-cli'],
    begins: /\bredis-cli/g,
    find: (text, begun, known) => optionOf(text, begun, known, /[ \t]-a[ \t]+/g),
  },
  { words: ['akia', 'asia'], begins: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, find: whole },
  { words: ['eyj'], begins: /\beyJ[\w-]*/g, find: findWebToken },
  {
    words: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_', 'glpat-', 'xox'],
    begins:
      /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,})/g,
    find: whole,
  },
  {
    words: ['://'],
    begins: /:\/\/[^\t\n\f\r /:@]*:(?=[^\t\n\f\r /@])/g,
    find(text, begun) {
      const found = after(text, endsAt(begun), /[^\t\n\f\r /@]+@/y);
      // The `:` may be that of the next `://`.
      return typeof found === 'number' ? endsAt(begun) - 1 : { ...found, to: found.to - 1 };
    },
  },
];

/** The text with `instead` in the place of each secret in it. */
export function withoutSecrets(text: string, instead: string): string {
  const lower = text.toLowerCase();
  let kept = text;
  for (const kind of secretTexts) {
    if (kind.words.some((word) => lower.includes(word))) kept = replaceEach(kept, kind, instead);
  }
  return kept;
}

function replaceEach(text: string, { begins, find }: SecretText, instead: string): string {
  let result = '';
  let doneTo = 0;
  const known = { commandEnd: 0 };
  begins.lastIndex = 0;
  for (let begun = begins.exec(text); begun; begun = begins.exec(text)) {
    const found = find(text, begun, known);
    if (typeof found === 'number') {
      begins.lastIndex = Math.max(found, begun.index + 1);
      continue;
    }
    result += text.slice(doneTo, found.from) + instead;
    doneTo = found.to;
    begins.lastIndex = found.to;
  }
  return doneTo === 0 ? text : result + text.slice(doneTo);
}

function endsAt(begun: RegExpExecArray): number {
  return begun.index + begun[0].length;
}

function whole(_text: string, begun: RegExpExecArray): Span {
  return { from: begun.index, to: endsAt(begun) };
}

/** Where the pattern ends that is tried from `from` on; undefined when it does not match. */
function endOf(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** What matches right at `from` (the pattern is sticky), else where to go on. */
function after(text: string, from: number, pattern: RegExp): Span | number {
  const to = endOf(pattern, text, from);
  return to === undefined ? from : { from, to };
}

/** `DB_PASSWORD=x`, `"token": "x"`, and an option with its value as the next word. */
function findNamed(text: string, begun: RegExpExecArray): Span | number {
  const nameEnd = endsAt(begun);
  const restEnd = endOf(REST, text, nameEnd) ?? nameEnd;
  // A longer name: the word that tells may come again in it.
  if (restEnd - nameEnd > NAME_REST_CHARS) return nameEnd;
  const assigned = endOf(ASSIGNED, text, restEnd);
  if (assigned !== undefined) return after(text, assigned, VALUE);
  const spaced = endOf(SPACES, text, restEnd);
  if (spaced === undefined || !isOption(text, begun.index)) return restEnd;
  return after(text, spaced, VALUE);
}

/** Whether a `-` stands before the word, with nothing but a part of a name between. */
function isOption(text: string, index: number): boolean {
  const least = Math.max(0, index - NAME_REST_CHARS - 1);
  for (let at = index - 1; at >= least; at--) {
    const char = text[at] ?? '';
    if (char === '-') return true;
    if (!/\w/.test(char)) return false;
  }
  return false;
}

/** The value after an option of the program that has begun, within its command. */
function optionOf(
  text: string,
  begun: RegExpExecArray,
  known: Known,
  option: RegExp,
): Span | number {
  const programEnd = endsAt(begun);
  const next = text[programEnd];
  if (next !== ' ' && next !== '\t') return programEnd;
  if (known.commandEnd < programEnd) {
    COMMAND_END.lastIndex = programEnd;
    known.commandEnd = COMMAND_END.exec(text)?.index ?? text.length;
  }
  const { commandEnd } = known;
  const command = text.slice(0, commandEnd);
  option.lastIndex = programEnd;
  while (option.test(command)) {
    const found = after(text, option.lastIndex, VALUE);
    if (typeof found !== 'number') return found;
    // The blank that ends this option may begin the next.
    option.lastIndex = Math.max(programEnd, option.lastIndex - 1);
  }
  // A later program of the same command has only a part of the same words after it.
  return commandEnd;
}

const PART = /\.[\w-]*/y;
const PART_CHARS_MIN = 8;

/** Header, payload and signature of a JSON web token; the signature may be cut off. */
function findWebToken(text: string, begun: RegExpExecArray): Span | number {
  const headerEnd = endsAt(begun);
  const payloadEnd = endOf(PART, text, headerEnd) ?? headerEnd;
  const isToken =
    begun[0].length >= 'eyJ'.length + PART_CHARS_MIN && payloadEnd - headerEnd > PART_CHARS_MIN;
  // Whatever else begins in the same run of characters ends like it.
  if (!isToken) return headerEnd;
  return { from: begun.index, to: endOf(PART, text, payloadEnd) ?? payloadEnd };
}
