import {
  INTENTS_MAX,
  type NumberedIntent,
  type ResumedWhy,
  SILENCE_MS_MAX,
} from '../lease/index.ts';

/**
 * How an intent stands.
 *
 * - `held`: its agent lives and answers for it. Left by a release, or by the end or the silence of
 *   the agent.
 * - `resuming`: the guard thaws its container. Left when the container was seen to run, or is gone.
 * - `resumed`: over; kept for a while, so that the agent learns of it when it comes back.
 */
export type Standing = 'held' | 'resuming' | 'resumed';

/** One intent of one agent, as it is kept and written down. */
export interface BookEntry extends NumberedIntent {
  agent: string;
  standing: Standing;
}

/** What is to be resumed now. */
export interface Due {
  entry: BookEntry;
  why: ResumedWhy;
}

interface AgentPage {
  connected: boolean;
  /** When it last said anything, or was lost; monotonic ms. */
  heardMs: number;
  entries: Map<number, BookEntry>;
}

/** How long what was resumed is remembered of an agent that is gone. */
const REMEMBER_MS = 60_000;

/** A judge that comes this late has slept itself, so that silence proves nothing. */
const LATE_MS = 250;

/** Who has which container paused, and whether he still lives. Pure: time comes with each call. */
export class Book {
  readonly #pages = new Map<string, AgentPage>();
  #judgedMs: number | undefined;

  /**
   * An agent begins, or begins again. `held` is the whole of what it protects: what it held before
   * and does not name was released meanwhile. Returns the numbers that protect no more.
   */
  hello(agent: string, held: readonly NumberedIntent[], nowMs: number): number[] {
    const page = this.#pageOf(agent);
    page.connected = true;
    page.heardMs = nowMs;
    const named = new Set(held.map(({ n }) => n));
    for (const { n, standing } of [...page.entries.values()]) {
      if (standing === 'held' && !named.has(n)) page.entries.delete(n);
    }
    const lapsed: number[] = [];
    for (const { n, intent } of held) {
      const known = page.entries.get(n);
      if (known ? known.standing !== 'held' : this.#taken(intent.containerId)) lapsed.push(n);
      else if (!known) page.entries.set(n, { agent, n, intent, standing: 'held' });
    }
    return lapsed;
  }

  /** Takes an intent up; returns why not. */
  protect(agent: string, { n, intent }: NumberedIntent): string | undefined {
    const page = this.#pageOf(agent);
    if (page.entries.has(n)) return `number ${n} was used before`;
    const taken = this.#taken(intent.containerId);
    if (taken) return `container ${intent.containerId} is ${taken} already`;
    const held = [...page.entries.values()].filter(({ standing }) => standing !== 'resumed');
    if (held.length >= INTENTS_MAX) return `${INTENTS_MAX} containers are protected already`;
    page.entries.set(n, { agent, n, intent, standing: 'held' });
    return undefined;
  }

  /** The container was proved to run. What is being resumed is resumed to the end all the same. */
  release(agent: string, n: number): void {
    const page = this.#pages.get(agent);
    if (page?.entries.get(n)?.standing !== 'resuming') page?.entries.delete(n);
  }

  heard(agent: string, nowMs: number): void {
    const page = this.#pages.get(agent);
    if (page) page.heardMs = nowMs;
  }

  /** The connection has ended, which a living agent does not do: it is dead. */
  lost(agent: string, nowMs: number): Due[] {
    const page = this.#pages.get(agent);
    if (!page) return [];
    page.connected = false;
    page.heardMs = nowMs;
    return this.#resumeAll(page, 'agent-gone');
  }

  /** Who was silent for too long; forgets agents that are gone. Call every 50 ms or so. */
  judge(nowMs: number): Due[] {
    const sleptMs = nowMs - (this.#judgedMs ?? nowMs);
    this.#judgedMs = nowMs;
    const due: Due[] = [];
    for (const [agent, page] of this.#pages) {
      if (sleptMs >= LATE_MS) page.heardMs = nowMs;
      const silentMs = nowMs - page.heardMs;
      if (silentMs >= SILENCE_MS_MAX) {
        due.push(...this.#resumeAll(page, page.connected ? 'agent-silent' : 'agent-gone'));
      }
      const isOver = [...page.entries.values()].every(({ standing }) => standing === 'resumed');
      const isEmpty = page.entries.size === 0;
      if (!page.connected && isOver && (isEmpty || silentMs >= REMEMBER_MS)) {
        this.#pages.delete(agent);
      }
    }
    return due;
  }

  /** The container of a `resuming` entry was seen to run, or is gone. */
  ended({ agent, n }: BookEntry): void {
    const entry = this.#pages.get(agent)?.entries.get(n);
    if (entry) entry.standing = 'resumed';
  }

  /** Takes over what an earlier guard had written down; returns what it was resuming. */
  restore(entries: readonly BookEntry[], nowMs: number): Due[] {
    for (const entry of entries) {
      const page = this.#pageOf(entry.agent);
      page.heardMs = nowMs;
      page.entries.set(entry.n, { ...entry });
    }
    return this.all()
      .filter(({ standing }) => standing === 'resuming')
      .map((entry) => ({ entry, why: 'agent-gone' }));
  }

  /** Everything, to be written down. */
  all(): BookEntry[] {
    return [...this.#pages.values()].flatMap(({ entries }) => [...entries.values()]);
  }

  /** Whether a container may stand still because of an agent of ours. */
  hasPaused(): boolean {
    return this.all().some(({ standing }) => standing !== 'resumed');
  }

  /** Whether there is anything that `judge` must look at. */
  isEmpty(): boolean {
    return this.all().length === 0;
  }

  /** The next `judge` comes after a pause of ours, which says nothing about anybody. */
  rest(): void {
    this.#judgedMs = undefined;
  }

  #pageOf(agent: string): AgentPage {
    let page = this.#pages.get(agent);
    if (!page) {
      page = { connected: false, heardMs: 0, entries: new Map() };
      this.#pages.set(agent, page);
    }
    return page;
  }

  #resumeAll(page: AgentPage, why: ResumedWhy): Due[] {
    const held = [...page.entries.values()].filter(({ standing }) => standing === 'held');
    for (const entry of held) entry.standing = 'resuming';
    return held.map((entry) => ({ entry, why }));
  }

  #taken(containerId: string): string | undefined {
    const entry = this.all().find(
      (one) => one.standing !== 'resumed' && one.intent.containerId === containerId,
    );
    if (!entry) return undefined;
    return entry.standing === 'held' ? 'protected' : 'being resumed';
  }
}
