import { describe, expect, it } from '@jest/globals';
import {
  createLineReader,
  type FromAgent,
  type FromGuard,
  LINE_BYTES_MAX,
  readFromAgent,
  readFromGuard,
  writeLine,
} from '../../src/lease/index.ts';

const intent = { containerId: 'a1', via: 'freezer', cgroupVersion: 2, freezerDirectory: '/c/a1' };
const hello = { is: 'hello', version: 1, bootId: 'b', pid: 7, agent: 'x', held: [] };

describe('what an agent says', () => {
  it.each<FromAgent>([
    {
      ...hello,
      is: 'hello',
      held: [{ n: 3, intent: { ...intent, via: 'task', cgroupVersion: 1 } }],
    },
    {
      is: 'protect',
      protection: { n: 1, intent: { ...intent, via: 'freezer', cgroupVersion: 2 } },
    },
    {
      is: 'protect',
      protection: { n: 2, intent: { containerId: 'b', via: 'task', cgroupVersion: 1 } },
    },
    { is: 'release', n: 1 },
    { is: 'beat' },
  ])('comes through as it was: $is', (message) => {
    expect(readFromAgent(writeLine(message).trim())).toEqual(message);
  });

  it.each<[string, unknown, RegExp]>([
    ['no JSON', undefined, /a line is not JSON/],
    ['a list', [], /a line is \[\]; allowed: an object/],
    ['an unknown word', { is: 'freeze' }, /is is "freeze"; allowed: hello, protect/],
    ['no version', { ...hello, version: undefined }, /n is nothing; allowed: a whole number/],
    ['a boot id without end', { ...hello, bootId: 'b'.repeat(65) }, /bootId is/],
    ['a held that is no list', { ...hello, held: {} }, /held is {}; allowed: a list of at most 32/],
    ['more held than there may be', { ...hello, held: Array(33).fill({}) }, /at most 32/],
    ['a number below 1', { is: 'release', n: 0 }, /n is 0/],
    ['a number that is none', { is: 'release', n: '1' }, /n is "1"/],
    ['no intent', { is: 'protect', protection: { n: 1 } }, /intent is nothing/],
  ])('is refused with the field that is wrong: %s', (_, message, expected) => {
    const line = message === undefined ? '{' : JSON.stringify(message);
    expect(() => readFromAgent(line)).toThrow(expected);
  });

  it.each<[string, object, RegExp]>([
    ['an id with a slash', { containerId: '../a' }, /containerId is "..\/a"/],
    ['an id without end', { containerId: 'a'.repeat(129) }, /containerId is/],
    ['another way', { via: 'signal' }, /via is "signal"; allowed: 'task' or 'freezer'/],
    ['another cgroup version', { cgroupVersion: 3 }, /cgroupVersion is 3/],
    [
      'no directory for the freezer',
      { freezerDirectory: undefined },
      /freezerDirectory is nothing/,
    ],
    ['a relative directory', { freezerDirectory: 'c/a1' }, /allowed: an absolute path/],
    ['a directory without end', { freezerDirectory: `/${'c'.repeat(1_024)}` }, /freezerDirectory/],
    ['a directory with a NUL', { freezerDirectory: '/c\0' }, /freezerDirectory/],
    ['a relative directory for a task', { via: 'task', freezerDirectory: 'c' }, /freezerDirectory/],
  ])('has an intent that is refused: %s', (_, change, expected) => {
    const protection = { n: 1, intent: { ...intent, ...change } };
    expect(() => readFromAgent(JSON.stringify({ is: 'protect', protection }))).toThrow(expected);
  });
});

describe('what a guard says', () => {
  it.each<FromGuard>([
    { is: 'welcome', version: 1, pid: 9, lapsed: [4] },
    { is: 'unwelcome', why: 'no' },
    { is: 'protected', n: 1 },
    { is: 'refused', n: 1, why: 'frozen' },
    { is: 'resumed', n: 1, containerId: 'a', why: 'agent-silent' },
    { is: 'heard' },
  ])('comes through as it was: $is', (message) => {
    expect(readFromGuard(writeLine(message).trim())).toEqual(message);
  });

  it.each<[string, object]>([
    ['an unknown word', { is: 'thawed' }],
    ['a welcome without a process id', { is: 'welcome', version: 1, lapsed: [] }],
    ['a refusal without a reason', { is: 'refused', n: 1 }],
  ])('is refused when it is none: %s', (_, message) => {
    expect(() => readFromGuard(JSON.stringify(message))).toThrow(/guard socket: /);
  });
});

describe('the line reader', () => {
  it('gives each line once it is whole, however it was cut', () => {
    const lines: string[] = [];
    const reader = createLineReader(100, (line) => lines.push(line));
    for (const byte of Buffer.from('{"é":1}\n\nx\ny')) reader.take(Buffer.from([byte]));
    expect(lines).toEqual(['{"é":1}', '', 'x']);
    reader.take(Buffer.from('z\n'));
    expect(lines.at(-1)).toBe('yz');
  });

  it.each(['x'.repeat(101), `${'x'.repeat(101)}\n`])('refuses what is too long', (text) => {
    const reader = createLineReader(100, () => undefined);
    expect(() => reader.take(Buffer.from(text))).toThrow(/a line of more than 100 bytes/);
  });

  it('takes the longest hello that an agent can say', () => {
    const longest = { containerId: 'c'.repeat(128), freezerDirectory: `/${'d'.repeat(1_023)}` };
    const held = Array.from({ length: 32 }, (_, n) => ({
      n: n + 1,
      intent: { ...longest, via: 'freezer', cgroupVersion: 2 } as const,
    }));
    const line = writeLine({ ...hello, is: 'hello', held });
    expect(Buffer.byteLength(line)).toBeLessThan(LINE_BYTES_MAX);
  });
});
