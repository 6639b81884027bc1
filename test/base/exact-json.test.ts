import { describe, expect, it } from '@jest/globals';
import { exactInteger, parseExactJson } from '../../src/base/index.ts';

describe('JSON that loses no digit', () => {
  it.each([
    ['a time in nanoseconds', '{"created_at":1795532155673290994}'],
    ['the largest unsigned number', '{"hard":18446744073709551615}'],
    ['what is beyond a double', '[1e400,-9223372036854775808]'],
    ['plain values', '{"a":[1,2.5,true,null,"x"],"b":{"c":""}}'],
  ])('is written back as it was read: %s', (_, text) => {
    expect(JSON.stringify(parseExactJson(text))).toBe(text);
  });

  it('gives numbers that a double holds as numbers', () => {
    expect(parseExactJson('{"a":9007199254740991}')).toEqual({ a: 9007199254740991 });
  });

  it.each([
    ['digits as the wire gives them', '1795532155673290994', '1795532155673290994'],
    ['a bigint', -9223372036854775808n, '-9223372036854775808'],
    ['a small number', 7, '7'],
  ])('takes whole numbers of any length: %s', (_, given, text) => {
    expect(JSON.stringify(exactInteger(given))).toBe(text);
  });

  it.each(['1.5', '', '0x10', '1e3', '007', 'NaN'])('refuses %j as a whole number', (given) => {
    expect(() => exactInteger(given)).toThrow(SyntaxError);
  });
});
