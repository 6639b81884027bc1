import { StillpointError } from '../base/index.ts';

/** Longer subjects are legal for the server but never meant; in characters. */
const SUBJECT_LENGTH_MAX = 255;

/**
 * Refuses what is no subject to publish to (`publish`) or to listen on (`subscribe`, where `*` may
 * stand for one token and `>` for the rest). Spaces and line ends would end the protocol line.
 * Throws `bad-input`.
 */
export function assertSubject(subject: string, use: 'publish' | 'subscribe'): void {
  const why = faultOf(subject, use);
  if (why === undefined) return;
  throw new StillpointError({
    code: 'bad-input',
    message: `NATS subject ${JSON.stringify(subject.slice(0, 80))} (${use}): ${why}`,
    hint: 'A subject is made of tokens joined by dots, for example falco.critical.terminal_shell',
  });
}

function faultOf(subject: string, use: 'publish' | 'subscribe'): string | undefined {
  if (subject === '') return 'it is empty';
  if (subject.length > SUBJECT_LENGTH_MAX) return `longer than ${SUBJECT_LENGTH_MAX} characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\s\u0000-\u001f\u007f]/.test(subject)) return 'it holds a space or a control character';
  const tokens = subject.split('.');
  for (const [index, token] of tokens.entries()) {
    if (token === '') return 'it has an empty token';
    if (!/[*>]/.test(token)) continue;
    if (use === 'publish') return 'wildcards are for listening only';
    if (token !== '*' && token !== '>') return `the wildcard in "${token}" must be a whole token`;
    if (token === '>' && index < tokens.length - 1) return '">" must be the last token';
  }
  return undefined;
}

/** Any text as one token of a subject: `ip-10-0-0-1.ec2.internal` → `ip-10-0-0-1_ec2_internal`. */
export function subjectToken(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '_') || '_';
}
