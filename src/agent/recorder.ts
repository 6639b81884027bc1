import type { Cancel, Clock, Logger, Random } from '../base/index.ts';
import { messageOf } from '../base/index.ts';
import {
  type Decision,
  type RecordedRule,
  type RecordingEntry,
  type RulesCore,
  type RulesState,
  type StateCause,
  signalEntry,
  stateEntry,
} from '../rules/index.ts';
import type { Owner, ReasonCode, Signal, Target } from '../signal/index.ts';
import type { AgentConfig } from './config-schema.ts';
import { createRecordingFile, type RecordingFile } from './recording-file.ts';

/** How the recording stands, for the status. */
export interface RecordingStatus {
  path: string;
  state: 'writing' | 'failing' | 'stopped';
  /** In the present file; the one before lies beside it, with `.1` at its end. */
  bytes: number;
  /** Signals that were not recorded since the start. */
  dropped: number;
  reason?: string;
}

/** A firing that was taken back. */
export interface Refused {
  rule: string;
  target: Target;
  owner?: Owner;
  reason: ReasonCode;
}

/** Writes down every signal with what was decided. Nobody waits for it, and nothing fails by it. */
export interface Recorder {
  /** Call right after the step, before anyone acts on the decisions. */
  signal(core: RulesCore, signal: Signal, nowMs: number, decisions: readonly Decision[]): void;
  /** What decides from now on, when it is no signal that changed it. */
  state(cause: StateCause, core: RulesCore, state: RulesState): void;
  refused(refused: Refused, nowMs: number): void;
  /** The pods that were kept when the first list was complete. */
  pods(uids: ReadonlySet<string>, nowMs: number): void;
  status(): RecordingStatus;
  /** Resolves when nothing is being written. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface RecorderOptions {
  record: NonNullable<AgentConfig['record']>;
  redact: AgentConfig['redact'];
  /** The rule documents in force. */
  rules(): readonly RecordedRule[];
  clock: Clock;
  random: Random;
  log: Logger;
}

const FLUSH_EVERY_MS = 250;
/**
 * Two files of half the bound each: the present one and the one before. A file is full at three
 * eighths, because what waits for the disk (at most an eighth, else it is dropped, counted and told)
 * still goes into it.
 */
const FULL_SHARE = 3 / 8;
const WAITING_SHARE = 1 / 8;
/** After a failure the disk is left alone for so long. */
const AGAIN_AFTER_MS = 5_000;
/** Signals that came in one go of the event loop and are not text yet. */
const PENDING_MAX = 20_000;

export function createRecorder(options: RecorderOptions): Recorder {
  return new RecorderImpl(options);
}

type Pending = () => RecordingEntry;

class RecorderImpl implements Recorder {
  readonly #options: RecorderOptions;
  readonly #file: RecordingFile;
  readonly #run: string;
  readonly #cancel: Cancel;
  /** Not text yet: made to text when the event loop has done what it does now. */
  #pending: Pending[] = [];
  #lines: string[] = [];
  #waitingBytes = 0;
  #fileBytes = 0;
  #part = 0;
  /** Missing since the last entry that was written. */
  #gap = 0;
  #dropped = 0;
  #decides: { core: RulesCore; state: RulesState } | undefined;
  #writing: Promise<void> | undefined;
  #reason: string | undefined;
  #againMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#file = createRecordingFile(options.record.path);
    this.#run = options.random.integer(0, 0xffffffff).toString(16).padStart(8, '0');
    this.#cancel = options.clock.every(FLUSH_EVERY_MS, () => this.#flush());
  }

  signal(core: RulesCore, signal: Signal, nowMs: number, decisions: readonly Decision[]): void {
    const redacted = this.#options.record.redact;
    this.#add(() => signalEntry(core, { signal, nowMs, redacted }, decisions));
  }

  refused(refused: Refused, nowMs: number): void {
    this.#add(() => ({ kind: 'refused', nowMs, ...refused }));
  }

  pods(uids: ReadonlySet<string>, nowMs: number): void {
    this.#add(() => ({ kind: 'pods', nowMs, uids: [...uids] }));
  }

  state(cause: StateCause, core: RulesCore, state: RulesState): void {
    if (this.#stopped) return;
    this.#drain();
    const isFirst = this.#decides === undefined;
    this.#decides = { core, state };
    this.#pushState(isFirst ? 'begin' : cause);
  }

  status(): RecordingStatus {
    const running = this.#reason === undefined ? 'writing' : 'failing';
    const state = this.#stopped ? 'stopped' : running;
    return {
      path: this.#options.record.path,
      state,
      bytes: this.#fileBytes,
      dropped: this.#dropped,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
  }

  async settled(): Promise<void> {
    await this.#writing;
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#writing;
    this.#flush();
    this.#stopped = true;
    await this.#writing;
    await this.#file.close();
  }

  #add(entry: Pending): void {
    // What comes before the first rules is part of the state that the recording begins with.
    if (this.#stopped || !this.#decides) return;
    if (
      this.#pending.length >= PENDING_MAX ||
      this.#waitingBytes > this.#options.record.maxBytes * WAITING_SHARE
    ) {
      this.#drop(1);
      return;
    }
    this.#pending.push(entry);
    // The decision is acted on before anything of it is made to text.
    if (this.#pending.length === 1) queueMicrotask(() => this.#drain());
  }

  #drop(count: number): void {
    this.#gap += count;
    this.#dropped += count;
  }

  /** After a gap the state is told anew, so that a replay is right again from there on. */
  #drain(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const entry of pending) {
      if (this.#gap > 0) this.#drop(1);
      else this.#push(entry());
    }
  }

  #pushState(cause: StateCause): void {
    if (!this.#decides) return;
    const { core, state } = this.#decides;
    const { record, redact, rules, clock } = this.#options;
    const dropped = this.#gap;
    this.#gap = 0;
    const entry = stateEntry(core, state, {
      cause,
      atMs: clock.wallMs(),
      run: this.#run,
      part: this.#part,
      dropped,
      redacted: record.redact,
      redact,
      rules: rules(),
    });
    if (this.#push(entry) <= record.maxBytes * FULL_SHARE) return;
    this.#lines = [];
    this.#stopped = true;
    this.#reason = 'the state of the rules alone would fill record.maxBytes';
    this.#options.log.error('recording-stopped', { reason: this.#reason });
  }

  /** Gives the bytes of the line, nearly. */
  #push(entry: RecordingEntry): number {
    const line = `${JSON.stringify(entry)}\n`;
    this.#lines.push(line);
    this.#waitingBytes += line.length;
    return line.length;
  }

  /** Writes what waits. */
  #flush(): void {
    const { record, clock } = this.#options;
    if (this.#writing || !this.#decides || clock.monotonicMs() < this.#againMs) return;
    this.#drain();
    const isFirst = this.#part === 0;
    const isFull = this.#fileBytes >= record.maxBytes * FULL_SHARE;
    let before = '';
    if (isFull) {
      // What waits belongs to the file before; the new one begins with the state as it is now.
      before = this.#takeLines();
      this.#pushState('rotated');
    } else if (this.#gap > 0) {
      this.#pushState('after-gap');
    }
    if (isFirst || isFull) this.#part++;
    const text = this.#takeLines();
    if (before + text === '') return;
    this.#writing = this.#write(before, text, isFirst || isFull).finally(() => {
      this.#writing = undefined;
    });
  }

  #takeLines(): string {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#waitingBytes = 0;
    return text;
  }

  async #write(before: string, text: string, isNew: boolean): Promise<void> {
    try {
      if (before !== '') await this.#file.append(before);
      if (isNew) {
        await this.#file.rotate();
        this.#fileBytes = 0;
      }
      await this.#file.append(text);
      this.#fileBytes += Buffer.byteLength(text);
      this.#reason = undefined;
    } catch (error) {
      const why = messageOf(error);
      if (why !== this.#reason) this.#options.log.error('recording-not-written', { error });
      this.#reason = why;
      this.#againMs = this.#options.clock.monotonicMs() + AGAIN_AFTER_MS;
      this.#drop(`${before}${text}`.split('\n').length - 1);
    }
  }
}
