import { describe, expect, it } from '@jest/globals';
import { errorCodes, StillpointError } from '../../src/base/index.ts';
import { failureClasses } from '../../src/capture/index.ts';

describe('an error', () => {
  it.each([[undefined], ['']])('has the hint of its code where it is given %j', (hint) => {
    const error = new StillpointError({ code: 'unreachable', message: 'x', hint });
    expect(error.hint).toBe(errorCodes.unreachable.hint);
  });

  it('keeps a hint of its own', () => {
    const error = new StillpointError({ code: 'unreachable', message: 'x', hint: 'start it' });
    expect(error.hint).toBe('start it');
  });

  it.each([...Object.entries(errorCodes), ...Object.entries(failureClasses)])(
    '%s says what it means and what to do',
    (_, { meaning, hint }) => {
      expect([meaning, hint]).toEqual([
        expect.stringMatching(/\w{3}/),
        expect.stringMatching(/\w{3}/),
      ]);
    },
  );
});
