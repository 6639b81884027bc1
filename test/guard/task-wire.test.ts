import { describe, expect, it } from '@jest/globals';
import {
  encodeContainerId,
  readFrame,
  readTaskState,
  writeFrame,
} from '../../src/guard/task-wire.ts';

describe('what is sent', () => {
  it('is the id in field 1, behind the length', () => {
    expect(writeFrame(encodeContainerId('ab')).toString('hex')).toBe('00000000040a026162');
  });
});

describe('a reply', () => {
  it('is taken out of its frame', () => {
    const framed = readFrame(writeFrame(Buffer.from('ab')));
    expect(framed).toEqual({ kind: 'message', message: Buffer.from('ab') });
  });

  it.each([
    ['nothing', '', /a reply of 0 bytes/],
    ['compressed', '0100000000', /compressed/],
    ['cut short', '00000000020a', /cut short/],
    ['two messages', '00000000000000000000', /cut short/],
  ])('that is no message says why: %s', (_, hex, expected) => {
    const framed = readFrame(Buffer.from(hex, 'hex'));
    expect(framed).toEqual({ kind: 'none', why: expect.stringMatching(expected) });
  });

  it.each([
    ['paused, among fields that nobody asked for', '0a0d0a0161120162188180802020044a00', 'paused'],
    ['with fixed fields', '0a10090102030405060708150102030420022a00', 'running'],
    ['the last status of two', '0a0420022004', 'paused'],
    ['without a status', '0a030a0161', 'unknown'],
    ['without a process', '', 'unknown'],
    ['with a status of tomorrow', '0a022009', 'unknown'],
    ['with a number where the process should be', '0805', 'unknown'],
  ])('is read: %s', (_, hex, expected) => {
    expect(readTaskState(Buffer.from(hex, 'hex'))).toBe(expected);
  });

  it.each([
    ['a length beyond its end', '0a10'],
    ['a number without end', '08ffffffffffffffffffff01'],
    ['a number cut off', '08ff'],
    ['a group', '0b'],
  ])('that is no message is refused: %s', (_, hex) => {
    expect(() => readTaskState(Buffer.from(hex, 'hex'))).toThrow(/no protobuf message/);
  });
});
