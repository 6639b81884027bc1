import { describe, expect, it } from '@jest/globals';
import { functionsOf, listFiles, readText } from './source-tree.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

const sources = [
  ...listFiles('src', '.ts'),
  ...listFiles('scripts', '.ts'),
  ...listFiles('test', '.ts'),
];

describe('small and plain', () => {
  it('keeps files under 400 lines', () => {
    const long = sources
      .map((path) => ({ path, lines: readText(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > FILE_LINES_MAX);
    expect(long).toEqual([]);
  });

  it('keeps functions under 70 lines, but for the describe blocks of tests', () => {
    const long = sources
      .filter((path) => !path.endsWith('.test.ts') && !path.startsWith('test/contract/'))
      .flatMap((path) => functionsOf(readText(path)).map((span) => ({ path, ...span })))
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX);
    expect(long).toEqual([]);
  });

  it('measures a function by its first and last line', () => {
    const text = `const a = 1;\n\nfunction five() {\n  a;\n  a;\n  a;\n}\n`;
    expect(functionsOf(text)).toEqual([{ name: 'five', line: 3, lines: 5 }]);
  });
});
