import { beforeEach, describe, expect, it } from '@jest/globals';
import { Book, type BookEntry, type Due } from '../../src/guard/book.ts';

let book: Book;

beforeEach(() => {
  book = new Book();
});

function protection(n: number, containerId = `c${n}`) {
  return { n, intent: { containerId, via: 'task', cgroupVersion: 1 } as const };
}

function entry(n: number, standing: BookEntry['standing']): BookEntry {
  return { ...protection(n), agent: 'a', standing };
}

/** Judges every 50 ms, as the guard does, and stops at the first that is due. */
function judgeUntil(fromMs: number, toMs: number): { atMs: number; due: string[] } | undefined {
  for (let atMs = fromMs; atMs <= toMs; atMs += 50) {
    const due = book.judge(atMs);
    if (due.length > 0) return { atMs, due: show(due) };
  }
  return undefined;
}

function show(due: readonly Due[]): string[] {
  return due.map(({ entry: { agent, n }, why }) => `${agent} ${n} ${why}`);
}

function standings(): string[] {
  return book.all().map(({ agent, n, standing }) => `${agent} ${n} ${standing}`);
}

describe('what the guard resumes', () => {
  beforeEach(() => {
    book.hello('a', [], 0);
    book.protect('a', protection(1));
  });

  it('is all that an agent holds, when its connection ends', () => {
    book.protect('a', protection(2));
    book.hello('b', [], 0);
    book.protect('b', protection(1, 'other'));
    expect(show(book.lost('a', 10))).toEqual(['a 1 agent-gone', 'a 2 agent-gone']);
    expect(standings()).toEqual(['a 1 resuming', 'a 2 resuming', 'b 1 held']);
  });

  it('is what was not released', () => {
    book.release('a', 1);
    expect(book.lost('a', 10)).toEqual([]);
    expect(book.isEmpty()).toBe(true);
  });

  it('is what an agent holds that is silent for 500 ms, once', () => {
    book.heard('a', 1_000);
    expect(judgeUntil(1_000, 3_000)).toEqual({ atMs: 1_500, due: ['a 1 agent-silent'] });
    expect(judgeUntil(1_550, 5_000)).toBeUndefined();
  });

  it('is nothing of an agent that beats', () => {
    for (let atMs = 0; atMs < 5_000; atMs += 50) {
      if (atMs % 100 === 0) book.heard('a', atMs);
      expect(book.judge(atMs)).toEqual([]);
    }
  });

  it('is nothing of an agent that holds nothing, however silent it is', () => {
    book.release('a', 1);
    expect(judgeUntil(0, 10_000)).toBeUndefined();
  });

  it('is judged anew after a time in which the guard itself did not run', () => {
    expect(judgeUntil(0, 400)).toBeUndefined();
    expect(judgeUntil(700, 1_150)).toBeUndefined();
    expect(book.judge(1_200)).toHaveLength(1);
  });

  it('is what the guard before it held, when no agent comes back for it', () => {
    book = new Book();
    expect(book.restore([entry(1, 'held'), entry(2, 'resumed')], 5_000)).toEqual([]);
    expect(judgeUntil(5_050, 9_000)).toEqual({ atMs: 5_500, due: ['a 1 agent-gone'] });
  });

  it('is at once what the guard before it was about to resume', () => {
    book = new Book();
    expect(show(book.restore([entry(1, 'held'), entry(2, 'resuming')], 0))).toEqual([
      'a 2 agent-gone',
    ]);
  });
});

describe('an agent that comes back', () => {
  beforeEach(() => {
    book.restore([entry(1, 'held'), entry(2, 'held'), entry(3, 'resumed')], 0);
  });

  it('goes on holding what it names, has released the rest, and learns what has lapsed', () => {
    expect(book.hello('a', [protection(1), protection(3)], 400)).toEqual([3]);
    expect(standings()).toEqual(['a 1 held', 'a 3 resumed']);
    book.heard('a', 450);
    expect(judgeUntil(450, 900)).toBeUndefined();
  });

  it('too late finds all of it lapsed', () => {
    judgeUntil(0, 500);
    expect(book.hello('a', [protection(1), protection(2)], 700)).toEqual([1, 2]);
    expect(standings()).toEqual(['a 1 resuming', 'a 2 resuming', 'a 3 resumed']);
  });

  it('may hold what this guard has never heard of', () => {
    expect(book.hello('a', [protection(1), protection(9)], 400)).toEqual([]);
    expect(standings()).toContain('a 9 held');
  });

  it('as another agent cannot take over what is held or resumed', () => {
    expect(book.hello('b', [protection(7, 'c1')], 400)).toEqual([7]);
    judgeUntil(400, 900);
    expect(book.hello('b', [protection(8, 'c1')], 900)).toEqual([8]);
  });
});

describe('an intent is taken up', () => {
  beforeEach(() => {
    book.hello('a', [], 0);
    book.hello('b', [], 0);
    book.protect('a', protection(1, 'x'));
  });

  it.each<[string, () => string | undefined, string | undefined]>([
    ['of another container', () => book.protect('a', protection(2, 'y')), undefined],
    [
      'with a new number only',
      () => book.protect('a', protection(1, 'y')),
      'number 1 was used before',
    ],
    [
      'by one agent only',
      () => book.protect('b', protection(1, 'x')),
      'container x is protected already',
    ],
    [
      'not while it is being resumed',
      () => {
        book.lost('a', 0);
        return book.protect('b', protection(1, 'x'));
      },
      'container x is being resumed already',
    ],
    [
      'once it has been resumed',
      () => {
        const [due] = book.lost('a', 0);
        if (due) book.ended(due.entry);
        return book.protect('b', protection(1, 'x'));
      },
      undefined,
    ],
    [
      'up to 32 of an agent',
      () => {
        for (let n = 2; n <= 32; n++) book.protect('a', protection(n));
        return book.protect('a', protection(33));
      },
      '32 containers are protected already',
    ],
  ])('%s', (_, act, expected) => {
    expect(act()).toBe(expected);
  });

  it('and stays while it is being resumed, whatever its agent says', () => {
    book.judge(0);
    judgeUntil(0, 500);
    book.release('a', 1);
    expect(standings()).toEqual(['a 1 resuming']);
    book.ended({ ...protection(1, 'x'), agent: 'a', standing: 'resuming' });
    book.release('a', 1);
    expect(book.hasPaused()).toBe(false);
  });
});

describe('an agent that is gone', () => {
  it('is remembered for a minute, with what was resumed of it', () => {
    book.hello('a', [], 0);
    book.protect('a', protection(1));
    const [due] = book.lost('a', 0);
    judgeUntil(0, 120_000);
    expect(standings()).toEqual(['a 1 resuming']);
    if (due) book.ended(due.entry);
    book.judge(120_050);
    expect(book.isEmpty()).toBe(true);
  });

  it('is forgotten at once when nothing is left of it', () => {
    book.hello('a', [], 0);
    book.protect('a', protection(1));
    book.release('a', 1);
    book.lost('a', 0);
    book.judge(50);
    expect(book.hello('a', [], 100)).toEqual([]);
    expect(book.isEmpty()).toBe(true);
  });
});
