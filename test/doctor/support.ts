import type { Finding } from '../../src/doctor/line.ts';

/** A row of a table test: what was found, and which line must come of it. */
export type Row<Facts> = [
  situation: string,
  facts: Facts,
  expected: [state: Finding['state'], code: string],
  /** Must stand in what was found, or in the next step. */
  words?: RegExp,
];

/** The first finding as text, for its words; fails where a bad line has no next step. */
export function shown(findings: readonly Finding[]): string {
  for (const { state, next, code } of findings) {
    const isBad = state === 'warn' || state === 'fail';
    if (isBad !== (next !== undefined && next !== '')) {
      throw new Error(`${state} ${code} with the next step ${JSON.stringify(next)}`);
    }
  }
  const [first] = findings;
  return first ? `${first.what} → ${first.next ?? ''}` : '';
}

export const UNREACHABLE = {
  ok: false,
  error: { code: 'unreachable', message: 'nobody answers', hint: 'Check it.' },
} as const;

export const FORBIDDEN = {
  ok: false,
  error: { code: 'forbidden', message: '403', hint: 'Grant to the identity of the agent: rule' },
} as const;
