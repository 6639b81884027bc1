import { describe, expect, it } from '@jest/globals';
import { RE2JS } from 're2js';
import { compilePattern } from '../../src/rules/patterns.ts';

const PATTERNS = [
  '^Liveness probe failed',
  'probe failed',
  '^it\'s 5-3, <a href="/x">',
  '^',
  'a',
  '^a',
  'a$',
  'probe.failed',
  '(?i)PROBE',
  '^a|b',
];
const VALUES = [
  'Liveness probe failed: 500',
  'The Liveness probe failed',
  'first\nLiveness probe failed',
  'it\'s 5-3, <a href="/x">here</a>',
  'a',
  'ba',
  'b\na',
  '',
];

describe('a pattern', () => {
  it.each(PATTERNS)('%s answers as RE2 does, whichever way it is tested', (pattern) => {
    const compiled = compilePattern(pattern);
    if (!compiled.ok) throw new Error(compiled.why);
    const re2 = RE2JS.compile(pattern);
    for (const value of VALUES) {
      expect({ value, matches: compiled.test(value) }).toEqual({ value, matches: re2.test(value) });
    }
  });

  it('looks at a bounded part of a value', () => {
    const pattern = compilePattern('end');
    if (!pattern.ok) throw new Error(pattern.why);
    expect(pattern.test(`${'x'.repeat(65_533)}end`)).toBe(true);
    expect(pattern.test(`${'x'.repeat(65_534)}end`)).toBe(false);
  });
});
