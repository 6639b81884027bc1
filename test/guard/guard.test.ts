import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Guard, startGuard } from '../../src/guard/index.ts';
import {
  createLineReader,
  type FromAgent,
  type FromGuard,
  LINE_BYTES_MAX,
  type PauseIntent,
  readBootId,
  readFromGuard,
  writeLine,
} from '../../src/lease/index.ts';
import { type FakeTree, ID_B, makeFakeTree } from '../node/fake-tree.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createRecordingLog, type LogLine } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { freezable, isFrozen } from './guard-rig.ts';

const tempDir = useTempDirs();

let tree: FakeTree;
let socket: string;
let clock: FakeClock;
let lines: LogLine[];
let hear: (line: LogLine) => void;
let guard: Guard;
let agents: Socket[];

beforeEach(() => {
  tree = makeFakeTree(2);
  const directory = join(tempDir(), 'run');
  mkdirSync(directory, { mode: 0o700 });
  socket = join(directory, 'guard.sock');
  clock = createFakeClock();
  hear = () => undefined;
  agents = [];
});

afterEach(async () => {
  for (const one of agents) one.destroy();
  guard.leave(0);
  await clock.advance(250);
  await guard.left;
  tree.dispose();
});

async function begin(leavesAlone = false): Promise<void> {
  const recording = createRecordingLog((line) => hear(line));
  lines = recording.lines;
  guard = await startGuard({
    ...{ socket, clock, log: recording.log, leavesAlone },
    ...{ cgroupRoot: tree.root, procRoot: tree.procRoot },
    runtimeSocket: join(tempDir(), 'nobody.sock'),
  });
}

/** Resolves with the next line of that event. */
function logged(event: string): Promise<LogLine> {
  return new Promise((resolve) => {
    hear = (line) => {
      if (line.event === event) resolve(line);
    };
  });
}

/** The agent's side of the socket. */
function connection() {
  const answers: FromGuard[] = [];
  const takers: ((answer: FromGuard | 'ended') => void)[] = [];
  let isOver = false;
  const one = connect(socket);
  agents.push(one);
  const reader = createLineReader(LINE_BYTES_MAX, (line) => {
    const answer = readFromGuard(line);
    const taker = takers.shift();
    if (taker) taker(answer);
    else answers.push(answer);
  });
  one.on('data', (chunk: Buffer) => reader.take(chunk));
  one.on('error', () => undefined);
  one.on('close', () => {
    isOver = true;
    for (const taker of takers.splice(0)) taker('ended');
  });
  const next = (): Promise<FromGuard | 'ended'> => {
    const answer = answers.shift();
    if (answer || isOver) return Promise.resolve(answer ?? 'ended');
    return new Promise((resolve) => takers.push(resolve));
  };
  return {
    next,
    say: (message: FromAgent) => void one.write(writeLine(message)),
    sayText: (text: string) => void one.write(text),
    ask(message: FromAgent) {
      one.write(writeLine(message));
      return next();
    },
    end: () => void one.destroy(),
  };
}

function hello(change: Partial<FromAgent & { is: 'hello' }> = {}): FromAgent {
  const who = { version: 1, bootId: readBootId(), pid: 5, agent: 'a', held: [] };
  return { ...who, ...change, is: 'hello' };
}

function protect(intent: PauseIntent, n = 1): FromAgent {
  return { is: 'protect', protection: { n, intent } };
}

function freeze({ freezerDirectory = '' }: PauseIntent): void {
  writeFileSync(join(freezerDirectory, 'cgroup.freeze'), '1\n');
}

describe('a connection is ended when it', () => {
  it.each<[string, FromAgent, FromGuard | 'ended', FromGuard | 'ended']>([
    [
      'is of another run of the kernel',
      hello({ bootId: 'other' }),
      { is: 'unwelcome', why: 'the agent is of another run of the kernel' },
      'ended',
    ],
    [
      'speaks another version',
      hello({ version: 2 }),
      { is: 'unwelcome', why: 'the agent speaks version 2, this guard 1' },
      'ended',
    ],
    ['does not begin with hello', { is: 'beat' }, 'ended', 'ended'],
    ['says nothing that there is', { is: 'thaw' } as unknown as FromAgent, 'ended', 'ended'],
    ['says too much', { is: 'x'.repeat(70_000) } as unknown as FromAgent, 'ended', 'ended'],
  ])('%s', async (_, message, ...expected) => {
    await begin();
    const one = connection();
    expect([await one.ask(message), await one.next()]).toEqual(expected);
  });

  it('says nothing for 2 s', async () => {
    await begin();
    const one = connection();
    const other = connection();
    await other.ask(hello());
    await clock.advance(2_000);
    expect(await one.next()).toBe('ended');
    expect(await other.ask({ is: 'beat' })).toEqual({ is: 'heard' });
  });

  it('is one too many', async () => {
    await begin();
    for (let n = 1; n <= 8; n++) await connection().ask(hello({ agent: `a${n}` }));
    expect(await connection().ask(hello({ agent: 'a9' }))).toBe('ended');
    expect(lines.at(-1)).toMatchObject({ event: 'agent-turned-away' });
  });

  it('is replaced by a newer one of the same agent, which holds on', async () => {
    await begin();
    const intent = freezable(tree);
    const first = connection();
    await first.ask(hello());
    expect(await first.ask(protect(intent))).toEqual({ is: 'protected', n: 1 });
    freeze(intent);
    const second = connection();
    const held = [{ n: 1, intent }];
    expect(await second.ask(hello({ held }))).toMatchObject({ is: 'welcome', lapsed: [] });
    expect(await first.next()).toBe('ended');
    expect(isFrozen(intent)).toBe(true);
    const resumed = logged('agent-left');
    second.end();
    await resumed;
    expect(isFrozen(intent)).toBe(false);
  });
});

describe('an agent', () => {
  it('that dies takes nothing from another, nor does one that speaks nonsense', async () => {
    await begin();
    const intents = [freezable(tree), { ...freezable(tree, `pod2/${ID_B}`), containerId: ID_B }];
    const [dead, alive] = intents as [PauseIntent, PauseIntent];
    const [first, second] = [connection(), connection()];
    await first.ask(hello());
    await second.ask(hello({ agent: 'b' }));
    for (const [one, intent] of [[first, dead] as const, [second, alive] as const]) {
      expect(await one.ask(protect(intent))).toEqual({ is: 'protected', n: 1 });
      freeze(intent);
    }
    const left = logged('agent-left');
    first.sayText('\0\n');
    expect(await left).toMatchObject({ fields: { why: expect.stringContaining('not JSON') } });
    expect([isFrozen(dead), isFrozen(alive)]).toEqual([false, true]);
    expect(await second.ask({ is: 'beat' })).toEqual({ is: 'heard' });
  });

  it('that is silent for 500 ms is told that its container was resumed', async () => {
    await begin();
    const intent = freezable(tree);
    const one = connection();
    await one.ask(hello());
    await one.ask(protect(intent));
    freeze(intent);
    await clock.advance(450);
    expect(isFrozen(intent)).toBe(true);
    await clock.advance(100);
    expect(isFrozen(intent)).toBe(false);
    const { containerId } = intent;
    expect(await one.next()).toEqual({ is: 'resumed', n: 1, containerId, why: 'agent-silent' });
    expect(await one.ask(protect(intent, 2))).toMatchObject({ is: 'refused', n: 2 });
  });

  it('that beats holds on', async () => {
    await begin();
    const intent = freezable(tree);
    const one = connection();
    await one.ask(hello());
    await one.ask(protect(intent));
    freeze(intent);
    for (let times = 0; times < 20; times++) {
      expect(await one.ask({ is: 'beat' })).toEqual({ is: 'heard' });
      await clock.advance(100);
    }
    expect(isFrozen(intent)).toBe(true);
  });

  it('is refused what cannot be written down', async () => {
    await begin();
    const one = connection();
    await one.ask(hello());
    mkdirSync(`${socket}.intents.new`);
    const why = 'the intent cannot be written down';
    expect(await one.ask(protect(freezable(tree)))).toEqual({ is: 'refused', n: 1, why });
    rmSync(`${socket}.intents.new`, { recursive: true });
    expect(await one.ask(protect(freezable(tree), 2))).toEqual({ is: 'protected', n: 2 });
  });

  it('is refused another directory, also as one that it holds already', async () => {
    await begin();
    const intent = { ...freezable(tree), containerId: ID_B };
    const one = connection();
    const held = [{ n: 7, intent }];
    expect(await one.ask(hello({ held }))).toMatchObject({ is: 'welcome', lapsed: [7] });
    expect(await one.ask(protect(intent, 8))).toMatchObject({ is: 'refused', n: 8 });
  });
});

describe('a guard', () => {
  it('looks round what its file says wrong, and is there for the next', async () => {
    writeFileSync(`${socket}.intents`, '{');
    await begin();
    expect(lines).toContainEqual(expect.objectContaining({ event: 'intents-lost' }));
    expect(await connection().ask(hello())).toMatchObject({ is: 'welcome' });
  });

  it('that leaves alone does so 10 s after its last agent', async () => {
    await begin(true);
    await clock.advance(9_000);
    const one = connection();
    await one.ask(hello());
    await clock.advance(20_000);
    const left = logged('agent-left');
    one.end();
    await left;
    await clock.advance(9_500);
    expect(lines.map(({ event }) => event)).not.toContain('guard-left');
    await clock.advance(1_000);
    await guard.left;
  });

  it('that is asked to leave takes up nothing more, and leaves late rather than never', async () => {
    await begin();
    const intent = freezable(tree);
    const one = connection();
    await one.ask(hello());
    await one.ask(protect(intent));
    guard.leave(5_000);
    expect(await one.ask(protect({ ...intent, containerId: ID_B }, 2))).toMatchObject({ n: 2 });
    for (let times = 0; times < 55; times++) {
      one.say({ is: 'beat' });
      await clock.advance(100);
    }
    await guard.left;
    expect(lines.at(-1)).toMatchObject({ level: 'error', event: 'guard-left-too-early' });
  });
});
