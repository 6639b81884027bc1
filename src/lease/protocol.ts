import { messageOf, StillpointError } from '../base/index.ts';
import {
  badField,
  fieldsOf,
  INTENTS_MAX,
  type NumberedIntent,
  readNumber,
  readNumberedIntent,
  readText,
} from './intent.ts';

/**
 * What agent and guard say to each other on the guard's unix socket: one JSON object a line, at
 * most 64 KiB. The agent begins with `hello`; the guard answers `welcome`, or `unwelcome` and ends.
 */
export const PROTOCOL_VERSION = 1;

/** The longest line: INTENTS_MAX intents with the longest paths fit in. */
export const LINE_BYTES_MAX = 64 * 1024;

/** How often the agent says `beat` while something is protected, and else. */
export const BEAT_PROTECTING_MS = 100;
export const BEAT_IDLE_MS = 1_000;

/** Silence of this length while something is protected means that the agent hangs. */
export const SILENCE_MS_MAX = 500;

/** From the agent. */
export type FromAgent =
  /** First line. `held`: what this agent still protects, after the guard or the line was lost. */
  | {
      is: 'hello';
      version: number;
      bootId: string;
      pid: number;
      /** Names one life of an agent, so that a new one is not taken for the old. */
      agent: string;
      held: readonly NumberedIntent[];
    }
  /** Answered by `protected` or `refused`; nothing may be frozen before `protected`. */
  | { is: 'protect'; protection: NumberedIntent }
  /** The container was proved to run. Not answered. */
  | { is: 'release'; n: number }
  /** A sign of life, answered by `heard`. */
  | { is: 'beat' };

/** Why the guard resumed what the agent had paused. */
export type ResumedWhy = 'agent-silent' | 'agent-gone';

/** From the guard. */
export type FromGuard =
  /** `lapsed`: which of `held` the guard has resumed or is resuming. */
  | { is: 'welcome'; version: number; pid: number; lapsed: readonly number[] }
  | { is: 'unwelcome'; why: string }
  | { is: 'protected'; n: number }
  | { is: 'refused'; n: number; why: string }
  /** The agent was silent too long; the container is being resumed and n protects no more. */
  | { is: 'resumed'; n: number; containerId: string; why: ResumedWhy }
  | { is: 'heard' };

/** Reads one line of an agent. Error: `bad-input`. Unknown fields are passed over. */
export function readFromAgent(line: string): FromAgent {
  const fields = parse(line);
  switch (fields.is) {
    case 'hello':
      return {
        is: 'hello',
        version: readNumber(fields.version),
        bootId: readText(fields.bootId, 'bootId', 64),
        pid: readNumber(fields.pid),
        agent: readText(fields.agent, 'agent', 64),
        held: readList(fields.held, 'held', readNumberedIntent),
      };
    case 'protect':
      return { is: 'protect', protection: readNumberedIntent(fields.protection) };
    case 'release':
      return { is: 'release', n: readNumber(fields.n) };
    case 'beat':
      return { is: 'beat' };
    default:
      throw badField('is', fields.is, 'hello, protect, release, beat');
  }
}

/** Reads one line of a guard. Error: `bad-input`. Unknown fields are passed over. */
export function readFromGuard(line: string): FromGuard {
  const fields = parse(line);
  switch (fields.is) {
    case 'welcome':
      return {
        is: 'welcome',
        version: readNumber(fields.version),
        pid: readNumber(fields.pid),
        lapsed: readList(fields.lapsed, 'lapsed', readNumber),
      };
    case 'unwelcome':
      return { is: 'unwelcome', why: readText(fields.why, 'why', 1_000) };
    case 'protected':
      return { is: 'protected', n: readNumber(fields.n) };
    case 'refused':
      return { is: 'refused', n: readNumber(fields.n), why: readText(fields.why, 'why', 1_000) };
    case 'resumed':
      return {
        is: 'resumed',
        n: readNumber(fields.n),
        containerId: readText(fields.containerId, 'containerId', 128),
        why: fields.why === 'agent-gone' ? 'agent-gone' : 'agent-silent',
      };
    case 'heard':
      return { is: 'heard' };
    default:
      throw badField('is', fields.is, 'welcome, unwelcome, protected, refused, resumed, heard');
  }
}

/** One message as a line. */
export function writeLine(message: FromAgent | FromGuard): string {
  return `${JSON.stringify(message)}\n`;
}

function parse(line: string): Record<string, unknown> {
  try {
    return fieldsOf(JSON.parse(line), 'a line');
  } catch (cause) {
    if (cause instanceof StillpointError) throw cause;
    const message = `guard socket: a line is not JSON: ${messageOf(cause).slice(0, 200)}`;
    throw new StillpointError({ code: 'bad-input', message, cause });
  }
}

function readList<T>(value: unknown, field: string, read: (one: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > INTENTS_MAX) {
    throw badField(field, value, `a list of at most ${INTENTS_MAX}`);
  }
  return value.map(read);
}
