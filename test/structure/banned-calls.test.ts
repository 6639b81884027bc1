import { describe, expect, it } from '@jest/globals';
import { listFiles, readText } from './source-tree.ts';

/** What each banned call must be replaced with. Comments and strings are not looked into. */
const BANNED: { pattern: RegExp; instead: string }[] = [
  { pattern: /\bDate\.now\(/, instead: 'clock.wallMs()' },
  { pattern: /\bnew Date\(\)/, instead: 'clock.wallMs()' },
  { pattern: /\bperformance\.now\(/, instead: 'clock.monotonicMs()' },
  { pattern: /\bprocess\.hrtime\b/, instead: 'clock.monotonicMs()' },
  { pattern: /(?<![.\w])setTimeout\(/, instead: 'clock.after() or clock.sleep()' },
  { pattern: /(?<![.\w])setInterval\(/, instead: 'clock.every()' },
  { pattern: /from 'node:timers/, instead: 'the Clock' },
  { pattern: /\bMath\.random\(/, instead: 'the Random that was given' },
];

function bannedIn(path: string, text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
  return BANNED.filter(({ pattern }) => pattern.test(code)).map(
    ({ pattern, instead }) => `${path}: ${pattern.source}: use ${instead}`,
  );
}

describe('time and chance', () => {
  it('come from base only', () => {
    const found = listFiles('src', '.ts')
      .filter((path) => !path.startsWith('src/base/'))
      .flatMap((path) => bannedIn(path, readText(path)));
    expect(found).toEqual([]);
  });

  it.each(['const a = Date.now();', 'setTimeout(run, 5);', 'x = Math.random() * 3;'])(
    'are caught in `%s`',
    (text) => {
      expect(bannedIn('src/rules/step.ts', text)).toHaveLength(1);
    },
  );

  it('may be spoken of in comments', () => {
    expect(bannedIn('src/rules/step.ts', '// never Date.now() here\nconst a = 1;')).toEqual([]);
  });
});
