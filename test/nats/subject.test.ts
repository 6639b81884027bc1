import { describe, expect, it } from '@jest/globals';
import { isStillpointError } from '../../src/base/index.ts';
import { assertSubject, subjectToken } from '../../src/nats/index.ts';

const fine: [string, 'publish' | 'subscribe'][] = [
  ['falco.critical.terminal_shell', 'publish'],
  ['falco.>', 'subscribe'],
  ['falco.*.terminal_shell', 'subscribe'],
  ['>', 'subscribe'],
];

const refused: [string, string, 'publish' | 'subscribe'][] = [
  ['an empty subject', '', 'publish'],
  ['an empty token', 'falco..shell', 'publish'],
  ['a dot at the end', 'falco.', 'subscribe'],
  ['a space', 'falco.a b', 'publish'],
  ['a line end that would begin another command', 'a\r\nPUB b 0', 'publish'],
  ['a wildcard to publish to', 'falco.*', 'publish'],
  ['a wildcard inside a token', 'falco.te*', 'subscribe'],
  ['the rest wildcard in the middle', 'falco.>.shell', 'subscribe'],
  ['more than 255 characters', 'a'.repeat(256), 'publish'],
];

describe('subjects', () => {
  it.each(fine)('takes %s (%s)', (subject, use) => {
    expect(() => assertSubject(subject, use)).not.toThrow();
  });

  it.each(refused)('refuses %s', (_what, subject, use) => {
    let thrown: unknown;
    try {
      assertSubject(subject, use);
    } catch (error) {
      thrown = error;
    }
    expect(isStillpointError(thrown, 'bad-input')).toBe(true);
  });

  it('makes one token of a node name with dots', () => {
    expect(subjectToken('ip-10-0-0-1.ec2.internal')).toBe('ip-10-0-0-1_ec2_internal');
    expect(subjectToken('')).toBe('_');
  });
});
