import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import {
  type Backoff,
  type Cancel,
  type Clock,
  createBackoff,
  type Logger,
  messageOf,
  nextTurn,
  type Random,
  StillpointError,
} from '../base/index.ts';
import { readBootId } from './boot-id.ts';
import { createHeld, type Held } from './held.ts';
import { INTENTS_MAX, type PauseIntent } from './intent.ts';
import type { GuardLease, GuardStatus, Protection } from './lease.ts';
import { createLineReader } from './lines.ts';
import {
  BEAT_IDLE_MS,
  BEAT_PROTECTING_MS,
  type FromAgent,
  type FromGuard,
  LINE_BYTES_MAX,
  PROTOCOL_VERSION,
  readFromGuard,
  SILENCE_MS_MAX,
  writeLine,
} from './protocol.ts';

export interface GuardLeaseOptions {
  /** Where the guard listens: absolute path of its unix socket. */
  socket: string;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Hears each change between live and absent. */
  onChange?(status: GuardStatus): void;
}

/** How long `protect` waits: a guard that is alive answers in well under one. */
const PROTECT_MS_MAX = 50;
const WELCOME_MS_MAX = 1_000;
/** A guard that answers no beat for this long is none. */
const UNHEARD_MS_MAX = 3_000;
/** We count as silent a little before the guard counts us so. */
const SILENCE_MARGIN_MS = 50;
const STOP_MS_MAX = 200;

/** Between tries; while something is protected the guard waits for us only half a second. */
const RETRY = { minMs: 100, maxMs: 1_000 };
const RETRY_PROTECTING = { minMs: 20, maxMs: 100 };

/**
 * The connection is in exactly one of these states.
 *
 * - `waiting`: no connection; left by the timer for the next try.
 * - `opening`: connected or connecting, `hello` is said. Left by `welcome`, `unwelcome`, the end of
 *   the connection or the time that a welcome may take.
 * - `live`: welcome. Left by the end of the connection, a line that is none, or silence.
 * - `stopped`: for good.
 */
type Link =
  | { kind: 'waiting'; why: string; cancel: Cancel }
  | { kind: 'opening'; why: string; socket: Socket; cancel: Cancel }
  | { kind: 'live'; socket: Socket; pid: number; unheardMs: number }
  | { kind: 'stopped' };

/**
 * Makes the lease and begins to connect; goes on trying for as long as it lives, so that a guard
 * that comes later, or comes again, is found. Error: `unsupported` where there is no boot id.
 */
export function createGuardLease(options: GuardLeaseOptions): GuardLease {
  return new GuardLeaseImpl(options, readBootId());
}

class GuardLeaseImpl implements GuardLease {
  readonly #options: GuardLeaseOptions;
  readonly #bootId: string;
  readonly #agent = randomUUID();
  readonly #held = new Map<number, Held>();
  readonly #retry: Backoff;
  readonly #retryProtecting: Backoff;
  /** What the last hello said that we protect. */
  #named: readonly number[] = [];
  #lastN = 0;
  #link: Link;
  #saidMs = 0;
  #cancelBeat: Cancel = () => undefined;
  #paceMs = 0;
  #told: GuardStatus['state'] | undefined;

  constructor(options: GuardLeaseOptions, bootId: string) {
    this.#options = options;
    this.#bootId = bootId;
    const { random } = options;
    this.#retry = createBackoff({ ...RETRY, random });
    this.#retryProtecting = createBackoff({ ...RETRY_PROTECTING, random });
    this.#link = this.#open('not connected yet');
    this.#setPace();
  }

  status(): GuardStatus {
    const link = this.#link;
    if (link.kind === 'live') return { state: 'live', pid: link.pid };
    return { state: 'absent', why: link.kind === 'stopped' ? 'the agent stops' : link.why };
  }

  protect(intent: PauseIntent): Promise<Protection> {
    const status = this.status();
    if (status.state === 'absent') return Promise.reject(noGuard(status.why));
    if (this.#held.size >= INTENTS_MAX) {
      return Promise.reject(noGuard(`${INTENTS_MAX} containers are protected already`));
    }
    const n = ++this.#lastN;
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(PROTECT_MS_MAX, () => void this.#giveUpUnheard(n));
      const held = createHeld({ n, intent }, cancel, reject, () =>
        resolve({
          lapsed: () => held.lapsed || this.#mayHaveLapsed(),
          release: () => this.#release(n),
        }),
      );
      this.#held.set(n, held);
      this.#say({ is: 'protect', protection: { n, intent } });
      this.#setPace();
    });
  }

  async stop(): Promise<void> {
    const link = this.#link;
    if (link.kind === 'stopped') return;
    this.#link = { kind: 'stopped' };
    this.#cancelBeat();
    this.#failAsked('the agent stops');
    if (link.kind !== 'live') link.cancel();
    if (link.kind === 'waiting') return;
    const { socket } = link;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(STOP_MS_MAX, () => socket.destroy());
      socket.once('close', () => {
        cancel();
        resolve();
      });
      socket.end();
    });
  }

  /** Nobody may be there: we are not connected, or did not run for a while. */
  #mayHaveLapsed(): boolean {
    const silentMs = this.#options.clock.monotonicMs() - this.#saidMs;
    return this.#link.kind !== 'live' || silentMs >= SILENCE_MS_MAX - SILENCE_MARGIN_MS;
  }

  #release(n: number): void {
    if (!this.#held.delete(n)) return;
    this.#say({ is: 'release', n });
    this.#setPace();
  }

  /** An answer that comes later is not waited for; the guard is told that we have given up. */
  #giveUp(n: number, error: StillpointError): void {
    const held = this.#held.get(n);
    this.#release(n);
    held?.refuse(error);
  }

  /** In a process that was held up, timers run before an answer that is there is read. */
  async #giveUpUnheard(n: number): Promise<void> {
    // The second turn begins with what the sockets have.
    await nextTurn();
    await nextTurn();
    if (this.#held.get(n)?.acknowledged) return;
    this.#giveUp(n, noGuard(`no answer within ${PROTECT_MS_MAX} ms`));
  }

  #failAsked(why: string): void {
    for (const [n, held] of this.#held) {
      if (!held.acknowledged) this.#giveUp(n, noGuard(why));
    }
  }

  #open(why: string): Link {
    const { socket: path, clock } = this.#options;
    const socket = connect(path);
    const lost = (what: string) => this.#lost(socket, what);
    const reader = createLineReader(LINE_BYTES_MAX, (line) => {
      // What comes behind a line that has ended the connection is not for us.
      if (this.#isOpen(socket)) this.#hear(socket, readFromGuard(line));
    });
    socket.on('connect', () => this.#greet(socket));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.take(chunk);
      } catch (error) {
        lost(messageOf(error));
      }
    });
    socket.on('error', (error) => lost(messageOf(error)));
    socket.on('close', () => lost('the guard has ended the connection'));
    const cancel = clock.after(WELCOME_MS_MAX, () => lost('no welcome in time'));
    return { kind: 'opening', why, socket, cancel };
  }

  #greet(socket: Socket): void {
    const held = [...this.#held.values()].map(({ numbered }) => numbered);
    this.#named = held.map(({ n }) => n);
    const { pid } = process;
    const who = { version: PROTOCOL_VERSION, bootId: this.#bootId, pid, agent: this.#agent };
    this.#write(socket, { is: 'hello', ...who, held });
  }

  #hear(socket: Socket, message: FromGuard): void {
    const link = this.#link;
    if (message.is === 'welcome' && link.kind === 'opening') {
      this.#welcomed(link, message);
    } else if (message.is === 'unwelcome') {
      this.#lost(socket, message.why);
    } else if (message.is === 'heard' && link.kind === 'live') {
      link.unheardMs = 0;
    } else if (message.is === 'protected') {
      this.#held.get(message.n)?.accept();
    } else if (message.is === 'refused') {
      const refusal = { code: 'refused', message: `guard process: ${message.why}` } as const;
      this.#giveUp(message.n, new StillpointError(refusal));
    } else if (message.is === 'resumed') {
      this.#lapse(message.n);
      this.#options.log.warn('guard-has-resumed', { ...message });
    }
  }

  #welcomed(link: Link & { kind: 'opening' }, welcome: FromGuard & { is: 'welcome' }): void {
    link.cancel();
    this.#link = { kind: 'live', socket: link.socket, pid: welcome.pid, unheardMs: 0 };
    this.#retry.reset();
    this.#retryProtecting.reset();
    for (const n of welcome.lapsed) this.#lapse(n);
    // Released since the hello that names it, when nobody could be told.
    for (const n of this.#named) if (!this.#held.has(n)) this.#say({ is: 'release', n });
    this.#tell();
  }

  #lapse(n: number): void {
    const held = this.#held.get(n);
    if (held) held.lapsed = true;
  }

  #isOpen(socket: Socket): boolean {
    return 'socket' in this.#link && this.#link.socket === socket;
  }

  #lost(socket: Socket, why: string): void {
    const link = this.#link;
    if (!('socket' in link) || link.socket !== socket) return;
    if (link.kind === 'opening') link.cancel();
    socket.destroy();
    const backoff = this.#held.size > 0 ? this.#retryProtecting : this.#retry;
    const cancel = this.#options.clock.after(backoff.nextMs(), () => {
      this.#link = this.#open(why);
    });
    this.#link = { kind: 'waiting', why, cancel };
    this.#failAsked(why);
    this.#tell();
  }

  #tell(): void {
    const status = this.status();
    if (this.#told === status.state) return;
    const { log, onChange, socket } = this.#options;
    if (status.state === 'live') log.info('guard-live', { socket, pid: status.pid });
    else if (this.#told === 'live') log.warn('guard-lost', { socket, why: status.why });
    else log.info('guard-absent', { socket, why: status.why });
    this.#told = status.state;
    onChange?.(status);
  }

  /** Often while something is protected, else just often enough to know that the guard is there. */
  #setPace(): void {
    const paceMs = this.#held.size > 0 ? BEAT_PROTECTING_MS : BEAT_IDLE_MS;
    if (paceMs === this.#paceMs || this.#link.kind === 'stopped') return;
    this.#paceMs = paceMs;
    this.#cancelBeat();
    this.#cancelBeat = this.#options.clock.every(paceMs, () => this.#beat());
  }

  #beat(): void {
    const link = this.#link;
    if (link.kind !== 'live') return;
    if (link.unheardMs >= UNHEARD_MS_MAX) {
      this.#lost(link.socket, 'the guard does not answer');
      return;
    }
    // Not run for so long that the guard may have taken us for hung.
    if (this.#mayHaveLapsed()) for (const n of this.#held.keys()) this.#lapse(n);
    link.unheardMs += this.#paceMs;
    this.#say({ is: 'beat' });
  }

  #say(message: FromAgent): void {
    if (this.#link.kind === 'live') this.#write(this.#link.socket, message);
  }

  #write(socket: Socket, message: FromAgent): void {
    this.#saidMs = this.#options.clock.monotonicMs();
    socket.write(writeLine(message));
  }
}

function noGuard(why: string): StillpointError {
  return new StillpointError({
    code: 'unreachable',
    message: `guard process: ${why}`,
    hint: 'Nothing is paused without it; docs/guard.md says how it is started and looked at.',
  });
}
