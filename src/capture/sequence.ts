import type { Trigger } from '../dispatch/index.ts';
import type { GuardStatus } from '../lease/index.ts';
import type { CaptureSpec } from '../rules/index.ts';

/** The order of a capture that leaves images, settled before anything is asked. */
export interface Sequencing {
  /** `race`: freeze, checkpoint, thaw. `calm`: nobody but CRIU freezes. */
  sequence: 'race' | 'calm';
  sequenceReason: string;
  /** Whether the changes of the root file system are taken while the container stands still. */
  consistency: 'frozen' | 'running';
}

/**
 * Which sequence a trigger gets. A freeze of ours needs a living guard process, which thaws when we
 * cannot: without it the capture is calm, whatever the rule asks for. Pure.
 */
export function chooseSequence(
  { decisions }: Pick<Trigger, 'decisions'>,
  guard: GuardStatus,
): Sequencing {
  const spec: Partial<CaptureSpec> = decisions[0]?.capture ?? {};
  const { sequence = 'auto', consistency = 'auto' } = spec;
  const wanted = wantedRace(sequence, consistency, decisions);
  if (!wanted.race) return calm(wanted.why);
  if (guard.state === 'absent') return calm(`no-guard: ${guard.why}; ${wanted.why}`);
  return {
    sequence: 'race',
    sequenceReason: wanted.why,
    consistency: consistency === 'running' ? 'running' : 'frozen',
  };
}

function wantedRace(
  sequence: CaptureSpec['sequence'],
  consistency: CaptureSpec['consistency'],
  decisions: Trigger['decisions'],
): { race: boolean; why: string } {
  if (sequence === 'race') return { race: true, why: 'the rule asks for race' };
  if (consistency === 'frozen') return { race: true, why: 'the rule asks for frozen files' };
  if (sequence === 'calm') return { race: false, why: 'the rule asks for calm' };
  return decisions.some(isAboutToDie)
    ? { race: true, why: 'auto: the container is about to be killed' }
    : { race: false, why: 'auto: nothing hurries' };
}

/** What a rule of kind memory or terminating decided; `thawedByMs` is the end of the latter. */
function isAboutToDie({ signal, capture }: Trigger['decisions'][number]): boolean {
  return signal.kind === 'memory' || capture.thawedByMs !== undefined;
}

/** After a freeze of ours that did not succeed, or where there is none. */
export function calm(sequenceReason: string): Sequencing {
  return { sequence: 'calm', sequenceReason, consistency: 'running' };
}
