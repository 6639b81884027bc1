import {
  type Backoff,
  createBackoff,
  isStillpointError,
  messageOf,
  StillpointError,
} from '../base/index.ts';
import { KnownObjects } from './known-objects.ts';
import type {
  ChangeOrigin,
  ListWatch,
  ListWatchOptions,
  ListWatchState,
} from './list-watch-types.ts';
import { isKubeObject, type KubeObject, readWatchLine } from './watch-line.ts';

/** Objects a page. */
const PAGE_SIZE = 500;
const LIST_TIMEOUT_MS = 60_000;
/** How long a watch is asked to last, ± a fifth, so that the watches of many nodes spread. */
const WATCH_SECONDS = 300;
/** A watch without any line for this long is taken for dead; bookmarks come about once a minute. */
const SILENCE_MS_MAX = 90_000;
/** How long the server may take to say 200 to a watch. */
const OPENING_MS_MAX = 15_000;
const SILENCE_CHECK_MS = 5_000;
/** A watch that was open for this long was healthy: its end is no failure. */
const HEALTHY_MS_MIN = 5_000;
const BACKOFF_MS = { minMs: 500, maxMs: 30_000 };

/** How one watch ended. */
type WatchEnd =
  /** By the server in good order, by a broken connection, or by our silence timer. */
  | { kind: 'cut'; error: StillpointError; openMs: number }
  /** 410, as a status or as an ERROR line. */
  | { kind: 'expired'; error: StillpointError; openMs: number }
  /** A line that is no watch line, or too long. */
  | { kind: 'unreadable'; error: StillpointError; openMs: number }
  /** A refusal, or an ERROR line. */
  | { kind: 'refused'; error: StillpointError; openMs: number };

/**
 * Lists a collection, then watches it for ever: resumes where it was after every kind of break,
 * lists again only when the server no longer keeps that place, and delivers each change once.
 * Failures are retried with back-off without end; they show in the state, never as a throw.
 */
export function startListWatch<T extends KubeObject, R>(
  options: ListWatchOptions<T, R>,
): ListWatch {
  const loop = new Loop(options);
  const done = loop.run();
  return {
    state: () => loop.state,
    liveUntilMs: () => loop.liveUntilMs,
    async stop() {
      loop.stopper.abort();
      await done;
    },
  };
}

class Loop<T extends KubeObject, R> {
  state: ListWatchState = { state: 'listing' };
  liveUntilMs: number | undefined;
  readonly stopper = new AbortController();
  readonly #options: ListWatchOptions<T, R>;
  readonly #known: KnownObjects<R>;
  readonly #backoff: Backoff;
  /** Where the next watch begins; undefined = list first. */
  #resourceVersion: string | undefined;
  /** The place at which a line could not be read; a second time there, the line is skipped. */
  #unreadableAt: string | undefined;
  #hasListed = false;

  constructor(options: ListWatchOptions<T, R>) {
    this.#options = options;
    this.#known = new KnownObjects(options.knownMax ?? Number.POSITIVE_INFINITY);
    this.#backoff = createBackoff({ ...BACKOFF_MS, random: options.random });
  }

  async run(): Promise<void> {
    while (!this.#isStopped()) {
      const failure = await this.#once().catch((error: unknown) => this.#asFailure(error));
      if (failure && !this.#isStopped()) await this.#backOff(failure);
    }
    this.#enter({ state: 'stopped' });
  }

  /** One list (when needed) and one watch; returns the error to back off for, if any. */
  async #once(): Promise<StillpointError | undefined> {
    const isListed = this.#resourceVersion === undefined;
    if (this.#resourceVersion === undefined) {
      this.#enter({ state: 'listing' });
      this.#resourceVersion = await this.#listAll();
    }
    const end = await this.#watch(this.#resourceVersion);
    const wasHealthy = end.openMs >= HEALTHY_MS_MIN;
    if (wasHealthy) this.#backoff.reset();
    this.#options.log.debug('watch-ended', { path: this.#options.path, ...end });
    switch (end.kind) {
      case 'cut':
        return wasHealthy ? undefined : end.error;
      case 'expired':
        this.#resourceVersion = undefined;
        // Only a list that expires at once must not be repeated in a hurry. An old place does so
        // after any restart of the server, when the back-off has grown and pods wait to be seen.
        return wasHealthy || !isListed ? undefined : end.error;
      case 'unreadable':
        // The line may have been cut on its way: resume before it. If it comes again, list.
        if (this.#unreadableAt === this.#resourceVersion) this.#resourceVersion = undefined;
        this.#unreadableAt = this.#resourceVersion;
        return end.error;
      case 'refused':
        return end.error;
    }
  }

  /** All pages; returns the version of the list. A 410 between two pages starts it over. */
  async #listAll(): Promise<string> {
    // Twice in pages; then whole, which cannot expire half-way.
    for (const limit of [PAGE_SIZE, PAGE_SIZE, undefined]) {
      try {
        return await this.#listPages(limit);
      } catch (error) {
        if (!isStillpointError(error, 'expired') || limit === undefined) throw error;
        this.#options.log.debug('list-expired', { path: this.#options.path, error });
      }
    }
    throw new StillpointError({ code: 'internal', message: 'listAll: every try fell through' });
  }

  async #listPages(limit: number | undefined): Promise<string> {
    const { api, clock } = this.#options;
    const startMs = clock.wallMs();
    const from: ChangeOrigin = this.#hasListed ? 'relist' : 'firstList';
    this.#known.beginList();
    let next: string | undefined;
    for (;;) {
      const path = this.#address({ limit: limit?.toString(), continue: next });
      const request = { method: 'GET', path, timeoutMs: LIST_TIMEOUT_MS } as const;
      const page = readPage<T>(await api.json<unknown>(request, this.stopper.signal), path);
      for (const object of page.objects) this.#arrive(object, from);
      next = page.next;
      if (next !== undefined) continue;
      for (const { uid, remembered } of this.#known.endList()) {
        this.#options.onChange({ type: 'deleted', uid, before: remembered, from });
      }
      this.#hasListed = true;
      this.liveUntilMs = startMs;
      return page.resourceVersion;
    }
  }

  /** One watch from `resourceVersion` until it ends in whatever way. */
  async #watch(resourceVersion: string): Promise<WatchEnd> {
    const { api, clock, random, path } = this.#options;
    const controller = new AbortController();
    const onStop = () => controller.abort();
    this.stopper.signal.addEventListener('abort', onStop, { once: true });
    // Stopped from within the list: that abort is past, and no listener hears of it.
    if (this.#isStopped()) onStop();
    const startMs = clock.monotonicMs();
    const silence = { lastLineMs: startMs, isOpen: false };
    const cancel = clock.every(SILENCE_CHECK_MS, () => {
      const silentMs = clock.monotonicMs() - silence.lastLineMs;
      if (silentMs >= (silence.isOpen ? SILENCE_MS_MAX : OPENING_MS_MAX)) controller.abort();
    });
    const seconds = Math.round(WATCH_SECONDS * (0.8 + 0.4 * random.next()));
    const openMs = () => (silence.isOpen ? clock.monotonicMs() - startMs : 0);
    try {
      const address = this.#address({
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: String(seconds),
      });
      const lines = await api.lines({ method: 'GET', path: address }, controller.signal);
      silence.isOpen = true;
      this.#enter({ state: 'watching', resourceVersion });
      silence.lastLineMs = clock.monotonicMs();
      for await (const line of lines) {
        silence.lastLineMs = clock.monotonicMs();
        const end = this.#take(line);
        if (end) return { ...end, openMs: openMs() };
        this.liveUntilMs = clock.wallMs();
      }
      return { kind: 'cut', error: cutError(path, 'the watch ended'), openMs: openMs() };
    } catch (error) {
      return { ...endOf(error, path, controller.signal.aborted), openMs: openMs() };
    } finally {
      cancel();
      this.stopper.signal.removeEventListener('abort', onStop);
      // Whatever the reason, the server is not left with an open stream of ours.
      controller.abort();
    }
  }

  /** Takes one line in; says how the watch ends if this line ends it. */
  #take(line: string): Omit<WatchEnd, 'openMs'> | undefined {
    const { path, api } = this.#options;
    const said = readWatchLine<T>(line, { path, server: api.server });
    switch (said.kind) {
      case 'bookmark':
        this.#resourceVersion = said.resourceVersion;
        return undefined;
      case 'change':
        // The place moves on before the delivery: what a listener chokes on is not sent again.
        this.#resourceVersion = said.object.metadata.resourceVersion;
        if (said.type === 'DELETED') this.#depart(said.object.metadata.uid);
        else this.#arrive(said.object, 'watch', said.type === 'MODIFIED');
        return undefined;
      case 'expired': {
        const error = new StillpointError({ code: 'expired', message: said.message });
        return { kind: 'expired', error };
      }
      case 'error':
        return { kind: 'refused', error: said.error };
      case 'malformed': {
        const message = `watch of ${path}: ${said.why}`;
        return { kind: 'unreadable', error: new StillpointError({ code: 'bad-input', message }) };
      }
    }
  }

  #arrive(object: T, from: ChangeOrigin, isModified = false): void {
    const { onChange, remember, accepts } = this.#options;
    if (accepts && !accepts(object)) return;
    const { uid, resourceVersion } = object.metadata;
    const noted = this.#known.note(uid, resourceVersion, remember(object));
    if (noted.kind === 'changed')
      onChange({ type: 'modified', object, before: noted.before, from });
    else if (noted.kind === 'new' && isModified) onChange({ type: 'modified', object, from });
    else if (noted.kind === 'new') onChange({ type: 'added', object, from });
  }

  #depart(uid: string): void {
    const known = this.#known.forget(uid);
    if (!known) return;
    this.#options.onChange({ type: 'deleted', uid, before: known.remembered, from: 'watch' });
  }

  async #backOff(error: StillpointError): Promise<void> {
    const { clock } = this.#options;
    const askedMs = Number(error.details.retryAfterMs ?? 0);
    const waitMs = Math.max(this.#backoff.nextMs(), askedMs);
    this.#enter({ state: 'backingOff', untilMs: clock.monotonicMs() + waitMs, error });
    await clock.sleep(waitMs, this.stopper.signal).catch((reason: unknown) => {
      if (!this.#isStopped()) throw reason;
    });
  }

  /** Anything thrown becomes a state; a mistake of a listener is logged and ends no loop. */
  #asFailure(error: unknown): StillpointError {
    if (isStillpointError(error)) return error;
    const message = `list/watch of ${this.#options.path}: ${messageOf(error)}`;
    const failure = new StillpointError({ code: 'internal', message, cause: error });
    this.#options.log.error('list-watch-broken', { path: this.#options.path, error: failure });
    return failure;
  }

  #enter(state: ListWatchState): void {
    this.state = state;
    this.#options.onState(state);
  }

  #isStopped(): boolean {
    return this.stopper.signal.aborted;
  }

  #address(extra: Readonly<Record<string, string | undefined>>): string {
    const query = new URLSearchParams(this.#options.query);
    for (const [name, value] of Object.entries(extra)) {
      if (value !== undefined) query.set(name, value);
    }
    return `${this.#options.path}?${query}`;
  }
}

function cutError(path: string, why: string): StillpointError {
  return new StillpointError({ code: 'unreachable', message: `watch of ${path}: ${why}` });
}

/** What a thrown error means for the watch; a mistake of our own is thrown on. */
function endOf(error: unknown, path: string, wasAborted: boolean): Omit<WatchEnd, 'openMs'> {
  if (wasAborted) return { kind: 'cut', error: cutError(path, 'no answer in time') };
  if (!isStillpointError(error)) throw error;
  if (error.code === 'expired') return { kind: 'expired', error };
  if (error.code === 'too-large') return { kind: 'unreadable', error };
  const isBroken = error.code === 'unreachable' && error.details.status === undefined;
  return { kind: isBroken ? 'cut' : 'refused', error };
}

/** One page of a list; hostile until proved. */
function readPage<T extends KubeObject>(
  page: unknown,
  path: string,
): { objects: T[]; next: string | undefined; resourceVersion: string } {
  const { items, metadata } = (page ?? {}) as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: unknown };
  };
  const version = metadata?.resourceVersion;
  if (typeof version !== 'string' || !(Array.isArray(items) || items === null)) {
    const message = `GET ${path}: the answer is no list (items, metadata.resourceVersion)`;
    throw new StillpointError({ code: 'bad-input', message });
  }
  const next = metadata?.continue;
  return {
    objects: (items ?? []).filter((item) => isKubeObject<T>(item)),
    next: typeof next === 'string' && next !== '' ? next : undefined,
    resourceVersion: version,
  };
}
