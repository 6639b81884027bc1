import { createServer, type Server, type Socket } from 'node:net';
import { type Cancel, type Clock, type Logger, messageOf } from '../base/index.ts';
import {
  type FromAgent,
  type NumberedIntent,
  type PauseIntent,
  PROTOCOL_VERSION,
  readBootId,
} from '../lease/index.ts';
import { createNodeProbe, type NodeProbe } from '../node/index.ts';
import { Book, type Due } from './book.ts';
import { type BookFile, createBookFile } from './book-file.ts';
import { type CheckTools, whyFrozenBefore, whyMisdirected } from './check-intent.ts';
import { listenPrivately } from './listen.ts';
import { type ResumeTools, resumeContainer } from './resume.ts';
import { createSession, type Session } from './session.ts';
import { createTasks } from './tasks.ts';

export interface GuardOptions {
  /** Where it listens; what it holds is written down beside it, as `<socket>.intents`. */
  socket: string;
  runtimeSocket: string;
  cgroupRoot: string;
  procRoot: string;
  /** It is an agent's child: it leaves once it has been alone for 10 s and nothing is left. */
  leavesAlone: boolean;
  clock: Clock;
  log: Logger;
}

/** The guard process. */
export interface Guard {
  /**
   * Asks it to leave: it does when no agent is connected and no container may stand still because
   * of one, at the latest after `msMax`, and at once when asked again while nothing is paused.
   */
  leave(msMax: number): void;
  /** Resolves when it has left. */
  readonly left: Promise<void>;
}

const JUDGE_MS = 50;
/** An agent that starts again is back within this. */
const ALONE_MS_MAX = 10_000;
/** How often it looks whether it may leave. */
const LEAVE_LOOK_MS = 250;
const SESSIONS_MAX = 8;

/** Starts the guard. Errors: those of listenPrivately, `unsupported` without a boot id. */
export async function startGuard(options: GuardOptions): Promise<Guard> {
  const guard = new GuardImpl(options, readBootId());
  await guard.start();
  return guard;
}

class GuardImpl implements Guard {
  readonly left: Promise<void>;
  readonly #options: GuardOptions;
  readonly #bootId: string;
  readonly #tools: ResumeTools & CheckTools;
  readonly #book = new Book();
  readonly #file: BookFile;
  readonly #server: Server;
  /** Of agents that said hello. */
  readonly #agents = new Map<string, Session>();
  #sessions = 0;
  #cancelJudge: Cancel | undefined;
  #cancelLook: Cancel | undefined;
  #aloneSinceMs: number;
  #leaveByMs: number | undefined;
  #hasLeft: () => void = () => undefined;

  constructor(options: GuardOptions, bootId: string) {
    const { clock, log, cgroupRoot, runtimeSocket } = options;
    this.#options = options;
    this.#bootId = bootId;
    this.#file = createBookFile(`${options.socket}.intents`, bootId);
    const tasks = createTasks({ socket: runtimeSocket, clock });
    this.#tools = { clock, log, cgroupRoot, tasks, node: openNode(options) };
    this.#server = createServer((socket) => this.#admit(socket));
    this.#aloneSinceMs = clock.monotonicMs();
    this.left = new Promise((resolve) => {
      this.#hasLeft = resolve;
    });
  }

  async start(): Promise<void> {
    const { socket, log, leavesAlone } = this.#options;
    await listenPrivately(this.#server, socket, log);
    // No file descriptor left for an agent, for example: those that are here are served on.
    this.#server.on('error', (error) => log.error('socket-trouble', { error }));
    log.info('guard-started', { socket, pid: process.pid });
    this.#takeOver();
    // On cgroup v2 the freezer's file is enough, but where a rule's pause has to go by the task.
    if (this.#tools.node?.cgroups.version !== 2) this.#prepare();
    if (leavesAlone) this.#lookWhetherDone();
  }

  leave(msMax: number): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const paused = this.#book.hasPaused();
    log.info('guard-asked-to-leave', { agents: this.#agents.size, paused });
    if (this.#leaveByMs === undefined) this.#leaveByMs = nowMs + msMax;
    else if (!paused) this.#leaveByMs = nowMs;
    this.#lookWhetherDone();
    this.#leaveIfDone();
  }

  /** What the guard before held: its agents have half a second to come back and name it. */
  #takeOver(): void {
    const { clock, log } = this.#options;
    try {
      const found = this.#file.read().filter(({ intent }) => this.#isOurs(intent));
      const due = this.#book.restore(found, clock.monotonicMs());
      if (!this.#book.isEmpty()) log.warn('took-over', { held: this.#book.all().length });
      this.#resume(due);
    } catch (error) {
      // The agent's own start-up sweep is left to find what stands still.
      log.error('intents-lost', { error });
    }
    this.#setJudge();
  }

  #admit(socket: Socket): void {
    if (this.#sessions >= SESSIONS_MAX) {
      this.#options.log.warn('agent-turned-away', { why: `${SESSIONS_MAX} are here already` });
      socket.destroy();
      return;
    }
    this.#sessions++;
    let agent: string | undefined;
    const session = createSession({
      socket,
      clock: this.#options.clock,
      onMessage: (message) => {
        if (agent !== undefined) this.#hear(agent, session, message);
        else if (message.is === 'hello') agent = this.#greet(session, message);
        else socket.destroy();
      },
      onEnd: (why) => {
        if (agent !== undefined) this.#lost(agent, session, why);
      },
    });
    socket.once('close', () => this.#sessions--);
  }

  #greet(session: Session, hello: FromAgent & { is: 'hello' }): string | undefined {
    const { log, clock } = this.#options;
    const { version, bootId, agent, pid, held } = hello;
    const why =
      version !== PROTOCOL_VERSION
        ? `the agent speaks version ${version}, this guard ${PROTOCOL_VERSION}`
        : bootId !== this.#bootId
          ? 'the agent is of another run of the kernel'
          : undefined;
    if (why !== undefined) {
      log.warn('agent-turned-away', { pid, why });
      session.say({ is: 'unwelcome', why });
      session.drop();
      return undefined;
    }
    // The same agent once more, before the end of its first connection was seen.
    this.#agents.get(agent)?.drop();
    this.#agents.set(agent, session);
    // Not asked whether it was frozen before: it is frozen by this agent now.
    const ours = held.filter(({ intent }) => this.#isOurs(intent));
    const strange = held.filter((one) => !ours.includes(one)).map(({ n }) => n);
    const lapsed = [...this.#book.hello(agent, ours, clock.monotonicMs()), ...strange];
    this.#save();
    this.#setJudge();
    log.info('agent-came', { pid, held: held.length, lapsed: lapsed.length });
    session.say({ is: 'welcome', version: PROTOCOL_VERSION, pid: process.pid, lapsed });
    return agent;
  }

  #hear(agent: string, session: Session, message: FromAgent): void {
    this.#book.heard(agent, this.#options.clock.monotonicMs());
    if (message.is === 'beat') {
      session.say({ is: 'heard' });
    } else if (message.is === 'protect') {
      const { n } = message.protection;
      const why = this.#protect(agent, message.protection);
      session.say(why === undefined ? { is: 'protected', n } : { is: 'refused', n, why });
    } else if (message.is === 'release') {
      this.#book.release(agent, message.n);
      this.#save();
    }
    this.#setJudge();
  }

  /** Written down before it is acknowledged. Returns why not. */
  #protect(agent: string, protection: NumberedIntent): string | undefined {
    if (this.#leaveByMs !== undefined) return 'the guard is about to leave';
    const { intent } = protection;
    const why =
      whyMisdirected(intent, this.#tools) ??
      whyFrozenBefore(intent, this.#tools) ??
      this.#book.protect(agent, protection);
    if (why !== undefined) return why;
    if (!this.#save()) {
      this.#book.release(agent, protection.n);
      return 'the intent cannot be written down';
    }
    if (intent.via === 'task') this.#prepare();
    return undefined;
  }

  /** In the background, behind the answer; what fails now is tried again when it is needed. */
  #prepare(): void {
    this.#tools.tasks.prepare().catch((error: unknown) => {
      this.#options.log.warn('tasks-not-prepared', { error });
    });
  }

  /** The container may be gone with its cgroup since it was protected. */
  #isOurs(intent: PauseIntent): boolean {
    const why = whyMisdirected(intent, this.#tools);
    if (why === undefined) return true;
    this.#options.log.warn('intent-not-taken-over', { containerId: intent.containerId, why });
    return false;
  }

  #lost(agent: string, session: Session, why: string): void {
    // Replaced by a newer connection of the same agent.
    if (this.#agents.get(agent) !== session) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#agents.delete(agent);
    this.#aloneSinceMs = nowMs;
    this.#resume(this.#book.lost(agent, nowMs));
    this.#options.log.info('agent-left', { why });
    this.#save();
    this.#setJudge();
  }

  /** Begins at once; each ends by itself. */
  #resume(due: readonly Due[]): void {
    for (const { entry, why } of due) {
      const { agent, n, intent } = entry;
      const { containerId } = intent;
      void resumeContainer(this.#tools, intent, why).then(() => {
        this.#book.ended(entry);
        this.#save();
      });
      this.#agents.get(agent)?.say({ is: 'resumed', n, containerId, why });
    }
  }

  /** Judges for as long as there is anything to judge. */
  #setJudge(): void {
    if (this.#book.isEmpty()) {
      this.#cancelJudge?.();
      this.#cancelJudge = undefined;
      this.#book.rest();
    } else {
      this.#cancelJudge ??= this.#options.clock.every(JUDGE_MS, () => this.#judge());
    }
  }

  #judge(): void {
    const due = this.#book.judge(this.#options.clock.monotonicMs());
    if (due.length > 0) {
      this.#resume(due);
      this.#save();
    }
    this.#setJudge();
  }

  #save(): boolean {
    try {
      const entries = this.#book.all();
      if (entries.length === 0) this.#file.remove();
      else this.#file.write(entries);
      return true;
    } catch (error) {
      this.#options.log.error('intents-not-written', { error });
      return false;
    }
  }

  #lookWhetherDone(): void {
    this.#cancelLook ??= this.#options.clock.every(LEAVE_LOOK_MS, () => this.#leaveIfDone());
  }

  #leaveIfDone(): void {
    const { clock, leavesAlone, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const isNeeded = this.#agents.size > 0 || this.#book.hasPaused();
    const isAlone = leavesAlone && nowMs - this.#aloneSinceMs >= ALONE_MS_MAX;
    const isLate = this.#leaveByMs !== undefined && nowMs >= this.#leaveByMs;
    if (isNeeded ? !isLate : !isAlone && this.#leaveByMs === undefined) return;
    if (this.#book.hasPaused())
      log.error('guard-left-too-early', { held: this.#book.all().length });
    else log.info('guard-left');
    for (const session of this.#agents.values()) session.drop();
    this.#cancelJudge?.();
    this.#cancelLook?.();
    this.#server.close();
    this.#hasLeft();
  }
}

function openNode({ cgroupRoot, procRoot, log }: GuardOptions): NodeProbe | undefined {
  try {
    return createNodeProbe({ root: cgroupRoot, procRoot });
  } catch (error) {
    log.warn('no-cgroups', { why: messageOf(error) });
    return undefined;
  }
}
