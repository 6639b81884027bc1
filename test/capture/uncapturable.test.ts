import { describe, expect, it } from '@jest/globals';
import { createUncapturable } from '../../src/capture/uncapturable.ts';
import { createFakeClock } from '../support/fake-clock.ts';

describe('the memory of containers that cannot be captured', () => {
  it('speaks up after the second failure that trying again cannot cure', () => {
    const memory = createUncapturable(createFakeClock());
    memory.note('a', 'io-uring');
    expect(memory.reasonAgainst('a')).toBeUndefined();
    memory.note('a', 'device');
    expect(memory.reasonAgainst('a')).toBe('device');
    expect(memory.reasonAgainst('b')).toBeUndefined();
  });

  it('ignores failures that may pass by themselves, and forgets after a success', () => {
    const memory = createUncapturable(createFakeClock());
    for (let i = 0; i < 5; i++) memory.note('a', 'established-tcp');
    expect(memory.reasonAgainst('a')).toBeUndefined();
    memory.note('a', 'io-uring');
    memory.forget('a');
    memory.note('a', 'io-uring');
    expect(memory.reasonAgainst('a')).toBeUndefined();
  });

  it('allows one more try each quarter of an hour: the cure may lie outside the container', async () => {
    const clock = createFakeClock();
    const memory = createUncapturable(clock);
    for (let i = 0; i < 2; i++) memory.note('a', 'criu-missing');
    await clock.advance(899_999);
    expect(memory.reasonAgainst('a')).toBe('criu-missing');
    await clock.advance(1);
    expect(memory.reasonAgainst('a')).toBeUndefined();
    memory.note('a', 'criu-missing');
    expect(memory.reasonAgainst('a')).toBe('criu-missing');
  });

  it('keeps a thousand containers, the oldest go first', () => {
    const memory = createUncapturable(createFakeClock());
    for (const id of ['first', 'first']) memory.note(id, 'io-uring');
    for (let i = 0; i < 1_000; i++) memory.note(`c${i}`, 'io-uring');
    expect(memory.reasonAgainst('first')).toBeUndefined();
    memory.note('c999', 'io-uring');
    expect(memory.reasonAgainst('c999')).toBe('io-uring');
  });
});
