import type { Fact } from '../../agent/index.ts';
import type { Clock } from '../../base/index.ts';
import { type Io, paint, printable } from '../output.ts';
import { type FactLine, linesOf } from './fact-lines.ts';

/** The running account of the demo: one line a fact, with the time since the start. */
export interface Console {
  hear(fact: Fact): void;
  /** A heading: which story begins, and what is about to happen. */
  story(title: string, text: string): void;
  say(text: string): void;
}

const COLORS: Record<FactLine['label'], Parameters<typeof paint>[1]> = {
  seen: 'cyan',
  decided: 'yellow',
  capture: 'blue',
  captured: 'blue',
  kept: 'green',
  removed: 'magenta',
  refused: 'red',
  failed: 'red',
};

export function createConsole(io: Io, clock: Clock): Console {
  const startMs = clock.monotonicMs();
  let last = '';
  let repeats = 0;
  const tellRepeats = () => {
    if (repeats > 0) io.out(`${' '.repeat(19)}… and ${repeats} more like this\n`);
    repeats = 0;
  };
  const stamp = () => `${((clock.monotonicMs() - startMs) / 1_000).toFixed(2).padStart(6)}s`;
  return {
    hear(fact) {
      const lines = linesOf(fact);
      const whole = lines.map(({ text }) => text).join('\n');
      if (lines.length === 0) return;
      if (whole === last) {
        repeats++;
        return;
      }
      tellRepeats();
      last = whole;
      for (const { label, text } of lines) {
        const painted = paint(io, COLORS[label], label.padEnd(8));
        io.out(`${paint(io, 'dim', stamp())}  ${painted}  ${printable(text)}\n`);
      }
    },
    story(title, text) {
      tellRepeats();
      io.out(`\n${paint(io, 'bold', `── ${title}`)}\n   ${text}\n`);
    },
    say: (text) => io.out(`${text}\n`),
  };
}
