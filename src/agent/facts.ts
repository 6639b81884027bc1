import type { Clock } from '../base/index.ts';
import type { CaptureOutcome } from '../capture/index.ts';
import type { Acceptance, Trigger } from '../dispatch/index.ts';
import type { TriggerOutcome } from '../outputs/index.ts';
import type { RetentionReport } from '../retention/index.ts';
import type { Decision } from '../rules/index.ts';
import type { Signal } from '../signal/index.ts';
import type { SourceStatus } from '../sources/index.ts';

/**
 * Everything that happens in the agent that somebody may want to know of: outputs, console and
 * tests listen to the same facts. A fact is told after it is true, never before.
 */
export type Fact =
  | { kind: 'signal'; signal: Signal }
  | { kind: 'decision'; decision: Decision }
  | { kind: 'accepted'; trigger: Trigger; decision: Decision }
  | { kind: 'coalesced'; trigger: Trigger; decision: Decision }
  | { kind: 'capturing'; trigger: Trigger }
  /** The container runs, whatever became of it; an archive is not proved yet. */
  | { kind: 'capture-ended'; outcome: CaptureOutcome }
  /** The end of each decision to fire. */
  | { kind: 'ended'; outcome: TriggerOutcome }
  | { kind: 'swept'; report: RetentionReport }
  | { kind: 'source'; source: string; status: SourceStatus }
  | { kind: 'rules-loaded'; rules: number; policies: number; warnings: readonly string[] }
  | { kind: 'rules-refused'; mistakes: number; message: string };

export type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>;

/** Tells facts to those who listen; a listener that throws is reported, the others still hear. */
export interface Facts {
  tell(fact: Fact): void;
  /** Returns the way to stop listening. */
  listen(hear: (fact: Fact) => void): () => void;
  /** Resolves with the next fact of that kind that fits; rejects after `timeoutMs`. */
  next<K extends Fact['kind']>(
    kind: K,
    fits?: (fact: FactOf<K>) => boolean,
    timeoutMs?: number,
  ): Promise<FactOf<K>>;
}

export function createFacts(clock: Clock, onListenerError: (error: unknown) => void): Facts {
  const listeners = new Set<(fact: Fact) => void>();
  const listen = (hear: (fact: Fact) => void) => {
    listeners.add(hear);
    return () => {
      listeners.delete(hear);
    };
  };
  return {
    listen,
    tell(fact) {
      for (const hear of [...listeners]) {
        try {
          hear(fact);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    next(kind, fits = () => true, timeoutMs = 60_000) {
      return new Promise((resolve, reject) => {
        const stop = listen((fact) => {
          if (fact.kind !== kind || !fits(fact as FactOf<typeof kind>)) return;
          end();
          resolve(fact as FactOf<typeof kind>);
        });
        const cancel = clock.after(timeoutMs, () => {
          end();
          reject(new Error(`no fact "${kind}" within ${timeoutMs} ms`));
        });
        const end = () => {
          stop();
          cancel();
        };
      });
    },
  };
}

/** Tells what dispatch made of a decision to fire. */
export function tellAcceptance(facts: Facts, decision: Decision, acceptance: Acceptance): void {
  if (acceptance.kind === 'refused') {
    const { reason, detail } = acceptance;
    facts.tell({ kind: 'ended', outcome: { kind: 'not-accepted', decision, reason, detail } });
  } else {
    facts.tell({ kind: acceptance.kind, trigger: acceptance.trigger, decision });
  }
}
