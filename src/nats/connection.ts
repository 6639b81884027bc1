import {
  type Cancel,
  type Clock,
  createBackoff,
  type ErrorCode,
  StillpointError,
} from '../base/index.ts';
import { fromNats } from './from-nats.ts';
import { type CheckedOptions, checkNatsOptions, type NatsOptions } from './options.ts';
import { type NatsMessage, openSession, type Session } from './session.ts';
import { assertSubject } from './subject.ts';

/**
 * Where the connection stands; exactly one at a time.
 * connecting: the first attempt is under way. connected: messages flow. disconnected: the last
 * attempt failed or the connection broke; tries go on until close. closed: for good.
 */
export type NatsStatus =
  | { state: 'connecting' }
  | { state: 'connected'; sinceMs: number; server: string }
  | { state: 'disconnected'; sinceMs: number; code: ErrorCode; reason: string }
  | { state: 'closed' };

/** Core NATS: at most once. What is published while nobody is connected is refused, not kept. */
export interface NatsConnection {
  /**
   * Listens from now on, also after every reconnect, until the returned Cancel is called.
   * `handler` is called for each message, in order; it must return at once and not throw.
   * Throws `bad-input` for a subject that is none.
   */
  subscribe(
    subject: string,
    handler: (message: NatsMessage) => void,
    options?: SubscribeOptions,
  ): Cancel;
  /** Never throws and never waits. */
  publish(subject: string, data: Uint8Array): PublishResult;
  status(): NatsStatus;
  /** Calls `listener` at each change of status from now on. */
  onStatus(listener: (status: NatsStatus) => void): Cancel;
  /** Drains, waiting at most 2 s, and ends all tries. May be called twice. */
  close(): Promise<void>;
}

export interface SubscribeOptions {
  /** Members of one queue share the messages. */
  queue?: string;
  /** The server refuses it (`forbidden`); it is asked again every 30 s and at each reconnect. */
  onRefused?(error: StillpointError): void;
}

/** `sent`: handed to the socket. Errors: `unreachable`, `too-large`, `bad-input`. */
export type PublishResult = { kind: 'sent' } | { kind: 'refused'; error: StillpointError };

/** Between tries: 0.25 s doubling to 15 s, shortened by chance so that nodes do not come at once. */
const RETRY_MS = { minMs: 250, maxMs: 15_000 };
/** A connection that lasted this long counts as a success: the next break is retried fast. */
const LASTED_MS = 10_000;
const REFUSED_RETRY_MS = 30_000;
const CLOSE_MS_MAX = 2_000;

/**
 * Starts to connect and returns at once: a server that is down at start is `disconnected`, says
 * why, and is tried again until close. Throws `bad-config` for options that can never work.
 */
export function connectNats(options: NatsOptions): NatsConnection {
  return new Connection(checkNatsOptions(options));
}

interface Listener {
  subject: string;
  handler: (message: NatsMessage) => void;
  options: SubscribeOptions;
  /** Ends it in the present session. */
  end?: () => void;
  cancelRetry?: Cancel;
}

class Connection implements NatsConnection {
  private readonly options: CheckedOptions;
  private readonly clock: Clock;
  private readonly stopping = new AbortController();
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Set<(status: NatsStatus) => void>();
  private current: NatsStatus = { state: 'connecting' };
  private session: Session | undefined;
  private readonly running: Promise<void>;

  constructor(options: CheckedOptions) {
    this.options = options;
    this.clock = options.clock;
    this.running = this.run();
  }

  status(): NatsStatus {
    return this.current;
  }

  onStatus(listener: (status: NatsStatus) => void): Cancel {
    this.watchers.add(listener);
    return () => {
      this.watchers.delete(listener);
    };
  }

  subscribe(
    subject: string,
    handler: (message: NatsMessage) => void,
    options: SubscribeOptions = {},
  ): Cancel {
    assertSubject(subject, 'subscribe');
    const listener: Listener = { subject, handler, options };
    this.listeners.add(listener);
    this.listen(listener);
    return () => {
      this.listeners.delete(listener);
      listener.cancelRetry?.();
      listener.end?.();
    };
  }

  publish(subject: string, data: Uint8Array): PublishResult {
    try {
      assertSubject(subject, 'publish');
      const session = this.session;
      if (session === undefined) {
        throw new StillpointError({
          code: 'unreachable',
          message: `NATS, publishing to ${subject}: not connected (${this.current.state})`,
        });
      }
      if (data.byteLength > session.payloadBytesMax) {
        throw new StillpointError({
          code: 'too-large',
          message:
            `NATS, publishing to ${subject}: ${data.byteLength} bytes; ` +
            `${session.server} takes at most ${session.payloadBytesMax}`,
        });
      }
      session.publish(subject, data);
      return { kind: 'sent' };
    } catch (error) {
      return { kind: 'refused', error: fromNats(error, `publishing to ${subject}`) };
    }
  }

  async close(): Promise<void> {
    if (!this.stopping.signal.aborted) {
      this.stopping.abort();
      for (const listener of this.listeners) listener.cancelRetry?.();
      await this.endSession();
    }
    // An attempt under way is bounded by its own 5 s; nobody has to wait for it.
    await this.atMost(this.running);
    this.become({ state: 'closed' });
  }

  private async endSession(): Promise<void> {
    const session = this.session;
    if (session === undefined) return;
    await this.atMost(Promise.race([session.drain(), session.ended]));
    await session.close();
  }

  /** Waits for `work`, but not longer than a close may take. */
  private atMost(work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(CLOSE_MS_MAX, resolve);
      work.finally(cancel).then(() => resolve(), reject);
    });
  }

  /** One session after the other until close. */
  private async run(): Promise<void> {
    const backoff = createBackoff({ ...RETRY_MS, random: this.options.random });
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const beganMs = this.clock.monotonicMs();
      const error = await this.runSession().catch((failure: unknown) =>
        fromNats(failure, 'connecting'),
      );
      if (signal.aborted) return;
      this.become(disconnected(this.clock.wallMs(), error));
      if (this.clock.monotonicMs() - beganMs >= LASTED_MS) backoff.reset();
      try {
        await this.clock.sleep(backoff.nextMs(), signal);
      } catch (reason) {
        if (!signal.aborted) throw reason;
      }
    }
  }

  /** Opens a session and lives through it; resolves with why it ended, throws why none came. */
  private async runSession(): Promise<StillpointError> {
    const session = await openSession(this.options);
    if (this.stopping.signal.aborted) {
      await session.close();
      return new StillpointError({ code: 'cancelled', message: 'NATS: closed while connecting' });
    }
    this.session = session;
    for (const listener of this.listeners) this.listen(listener);
    this.become({ state: 'connected', sinceMs: this.clock.wallMs(), server: session.server });
    const error = await session.ended;
    this.session = undefined;
    for (const listener of this.listeners) {
      listener.end = undefined;
      listener.cancelRetry?.();
    }
    return error;
  }

  private listen(listener: Listener): void {
    if (this.session === undefined || this.stopping.signal.aborted) return;
    listener.end = this.session.listen({
      subject: listener.subject,
      ...(listener.options.queue === undefined ? {} : { queue: listener.options.queue }),
      onMessage: listener.handler,
      onRefused: (error) => {
        listener.end = undefined;
        this.options.log.warn('nats-subscription-refused', { subject: listener.subject, error });
        listener.options.onRefused?.(error);
        listener.cancelRetry = this.clock.after(REFUSED_RETRY_MS, () => this.listen(listener));
      },
    });
  }

  private become(next: NatsStatus): void {
    const before = this.current;
    if (before.state === 'closed' || sameNews(before, next)) return;
    this.current = next;
    const { log } = this.options;
    if (next.state === 'connected') log.info('nats-connected', { server: next.server });
    if (next.state === 'disconnected') {
      log.warn('nats-disconnected', { code: next.code, reason: next.reason });
    }
    for (const watcher of this.watchers) watcher(next);
  }
}

function disconnected(sinceMs: number, error: StillpointError): NatsStatus {
  return { state: 'disconnected', sinceMs, code: error.code, reason: error.message };
}

/** A further failed try of the same kind is no news: it must not fill the log. */
function sameNews(before: NatsStatus, next: NatsStatus): boolean {
  if (before.state !== next.state) return false;
  return before.state === 'disconnected' && next.state === 'disconnected'
    ? before.reason === next.reason
    : true;
}
