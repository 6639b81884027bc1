import { describe, expect, it } from '@jest/globals';
import { decideThaw, type ThawFacts, thawRows } from '../../src/capture/thaw-decision.ts';

const facts: ThawFacts = {
  task: 'running',
  freezer: 'thawed',
  traced: false,
  frozenBefore: false,
  mayFinishLater: false,
  unchangedMs: 0,
};

const cases: readonly [string, Partial<ThawFacts>, string][] = [
  ['it runs after a call that ended', {}, 'end runs'],
  ['it runs where only the task can be seen', { freezer: 'unseen' }, 'end runs'],
  ['it runs where only the freezer can be seen', { task: 'unsupported' }, 'end runs'],
  ['its task is gone', { task: 'gone', freezer: 'unseen' }, 'end gone'],
  ['its task has stopped', { task: 'stopped', freezer: 'frozen' }, 'end gone'],
  ['its cgroup is gone', { freezer: 'gone', task: 'unknown' }, 'end gone'],
  [
    'somebody else froze it before us',
    { task: 'paused', freezer: 'frozen', frozenBefore: true, unchangedMs: 9e9 },
    'end frozen-before',
  ],
  ['nothing can be seen', { task: 'unsupported', freezer: 'unseen' }, 'end unchecked'],
  ['the runtime is away', { task: 'unknown', freezer: 'thawed', unchangedMs: 9e9 }, 'wait'],
  ['frozen, the runtime just left', { task: 'unknown', freezer: 'frozen' }, 'wait'],
  [
    'frozen, the runtime stays away',
    { task: 'unknown', freezer: 'frozen', unchangedMs: 10_000 },
    'thaw-freezer',
  ],
  [
    'frozen, the runtime stays away, CRIU works',
    { task: 'unknown', freezer: 'frozen', unchangedMs: 10_000, traced: true },
    'wait',
  ],
  [
    'frozen by Tasks.Pause of ours, the runtime does not answer',
    { task: 'unknown', freezer: 'frozen', frozenBy: 'task', unchangedMs: 250 },
    'thaw-freezer',
  ],
  [
    'frozen by Tasks.Pause of ours, the runtime has not answered once',
    { task: 'unknown', freezer: 'frozen', frozenBy: 'task', unchangedMs: 249 },
    'wait',
  ],
  [
    'frozen by our own write',
    { freezer: 'frozen', frozenBy: 'freezer', mayFinishLater: true },
    'thaw-freezer',
  ],
  [
    'frozen by our own write, the runtime does not answer',
    { task: 'unknown', freezer: 'frozen', frozenBy: 'freezer', mayFinishLater: true },
    'thaw-freezer',
  ],
  [
    'frozen by our own write, CRIU works',
    { freezer: 'frozen', frozenBy: 'freezer', mayFinishLater: true, traced: true },
    'wait',
  ],
  [
    'frozen by our own write, then paused',
    { task: 'paused', freezer: 'frozen', frozenBy: 'freezer', mayFinishLater: true },
    'resume',
  ],
  ['paused and frozen', { task: 'paused', freezer: 'frozen' }, 'resume'],
  ['paused, freezer unseen', { task: 'paused', freezer: 'unseen' }, 'resume'],
  [
    'paused and frozen after a deadline, CRIU still works',
    { task: 'paused', freezer: 'frozen', mayFinishLater: true, traced: true },
    'wait',
  ],
  [
    'paused and frozen after a deadline, CRIU is done',
    { task: 'paused', freezer: 'frozen', mayFinishLater: true },
    'resume',
  ],
  ['a pause is under way', { task: 'pausing', freezer: 'freezing' }, 'wait'],
  ['a pause that hangs', { task: 'pausing', freezer: 'freezing', unchangedMs: 2_000 }, 'resume'],
  [
    'paused but thawed while CRIU holds it',
    { task: 'paused', traced: true, unchangedMs: 9e9 },
    'wait',
  ],
  ['paused but thawed for a moment', { task: 'paused', unchangedMs: 1_999 }, 'wait'],
  ['paused but thawed for good', { task: 'paused', unchangedMs: 2_000 }, 'freeze-and-resume'],
  ['running but frozen by CRIU', { freezer: 'frozen', traced: true, unchangedMs: 9e9 }, 'wait'],
  ['running but frozen for a moment', { freezer: 'frozen', unchangedMs: 499 }, 'wait'],
  ['running but frozen for good', { freezer: 'frozen', unchangedMs: 500 }, 'thaw-freezer'],
  [
    'a runtime without tasks may still write the archive',
    { task: 'unsupported', freezer: 'frozen', mayFinishLater: true, unchangedMs: 1_999 },
    'wait',
  ],
  [
    'a runtime without tasks left it frozen',
    { task: 'unsupported', freezer: 'frozen', mayFinishLater: true, unchangedMs: 2_000 },
    'thaw-freezer',
  ],
  ['it runs, but CRIU holds it after a cut call', { mayFinishLater: true, traced: true }, 'wait'],
  ['it runs, but may be frozen again', { mayFinishLater: true, unchangedMs: 1_999 }, 'wait'],
  ['it has run for 2 s after a cut call', { mayFinishLater: true, unchangedMs: 2_000 }, 'end runs'],
  ['a debugger came after a call that ended', { traced: true }, 'end runs'],
];

function all(): ThawFacts[] {
  const tasks = 'unknown created running stopped paused pausing gone unsupported'.split(' ');
  const freezers = 'thawed freezing frozen gone unseen'.split(' ');
  const flags = [false, true];
  const times = [0, 500, 2_000, 10_000];
  return tasks.flatMap((task) =>
    freezers.flatMap((freezer) =>
      flags.flatMap((traced) =>
        flags.flatMap((frozenBefore) =>
          flags.flatMap((mayFinishLater) =>
            times.flatMap((unchangedMs) =>
              [undefined, 'task', 'freezer'].map(
                (frozenBy) =>
                  ({
                    ...{ task, freezer, traced, frozenBefore, mayFinishLater },
                    ...{ frozenBy, unchangedMs },
                  }) as ThawFacts,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

describe('what the thaw check does when', () => {
  it.each(cases)('%s', (_, change, expected) => {
    const { step } = decideThaw({ ...facts, ...change });
    expect(step.act === 'end' ? `end ${step.end}` : step.act).toBe(expected);
  });

  it('uses every row of the table for some state', () => {
    const used = new Set(all().map((state) => decideThaw(state).row));
    expect([...used].sort()).toEqual(thawRows.map(({ name }) => name).sort());
  });

  it('never touches what was frozen before us', () => {
    const acts = all()
      .filter(({ frozenBefore }) => frozenBefore)
      .map((state) => decideThaw(state).step.act);
    expect(new Set(acts)).toEqual(new Set(['end']));
  });

  it('never acts while CRIU is at work on a call that was cut off', () => {
    const acts = all()
      .filter(({ traced, mayFinishLater, task }) => traced && mayFinishLater && task !== 'pausing')
      .map((state) => decideThaw(state).step.act);
    expect(new Set(acts)).toEqual(new Set(['end', 'wait']));
  });

  it('never ends well while the task is paused or the freezer frozen', () => {
    const wrong = all()
      .filter(({ task, freezer }) => task === 'paused' || freezer === 'frozen')
      .filter(({ task, freezer }) => task !== 'gone' && task !== 'stopped' && freezer !== 'gone')
      .filter(({ frozenBefore }) => !frozenBefore)
      .filter((state) => decideThaw(state).step.act === 'end');
    expect(wrong).toEqual([]);
  });
});
