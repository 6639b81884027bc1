import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fact } from '../../src/agent/index.ts';
import { createArchives } from '../../src/archive/index.ts';
import { createJournal } from '../../src/dispatch/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { captureRequest } from '../support/capture-request.ts';
import { checkpointTar } from '../support/checkpoint-archive.ts';
import { archived, failed, triggerOf } from '../support/outcomes.ts';
import { createCheckers } from './checkers.ts';
import type { Life } from './life.ts';
import { createWorld, type World } from './world.ts';

let world: World;
let broken: string[];
let atTheEnd: () => Promise<void>;
beforeEach(async () => {
  world = await createWorld(1);
  world.lives.push({
    number: 0,
    state: 'stopped',
    facts: [],
    stop: async () => undefined,
  } as never);
  broken = [];
  const checkers = createCheckers(world, (what) => broken.push(what));
  atTheEnd = async () => {
    for (const checker of checkers) await checker.atTheEnd();
  };
});
afterEach(() => world.end());

function lifeNow(): Life {
  const life = world.life();
  if (!life) throw new Error('no life');
  return life;
}

function running(pod = 'p0') {
  const name = { namespace: 'shop', pod };
  const known = world.sim.model.pod('shop', pod);
  if (!known) world.sim.scenario.addPod({ ...name, name: pod, containers: [{ name: 'app' }] });
  return world.sim.scenario.running(name);
}

function received(changes: { namespace?: string; containerId?: string } = {}): void {
  const target = { namespace: 'shop', pod: 'p0', container: 'app', containerId: 'aa' };
  const monotonicMs = world.clock.monotonicMs();
  const detail = { ...target, via: 'cri', monotonicMs, ...changes } as const;
  world.sim.happenings.tell('checkpoint-received', detail);
}

function withStore(work: (store: Store) => void): void {
  const store = openStore(join(world.config.stateDir, 'state.db'));
  work(store);
  store.close();
}

const named = (id: string) => ({ ...triggerOf(), id });
const at = (name: string) => join(world.config.checkpointsDir, name);
const JUNK = 'checkpoint-junk_shop-app-2025-01-01T00:00:00Z.tar';
const PARTIAL = 'checkpoint-partial_shop-app-2026-01-01T00:00:00Z.tar';
const NAME = 'checkpoint-cart-7d9f_shop-app-2026-01-01T00:00:00.123Z.tar';

async function keepOne(): Promise<void> {
  const store = openStore(':memory:');
  const { clock } = world;
  const archives = createArchives({ directory: world.config.checkpointsDir, store, clock });
  writeFileSync(at(NAME), checkpointTar());
  await archives.keep(captureRequest(at(NAME)));
}

describe('the checkers of the simulator', () => {
  it('are content with a node where nothing happens', async () => {
    running();
    received();
    await keepOne();
    await atTheEnd();
    expect(broken).toEqual([]);
  });

  // One world for all: each of them is found for itself.
  const cases: [string, () => unknown, RegExp][] = [
    [
      'a container that is left frozen',
      () => world.sim.model.hold(running('left'), { cgroupFrozen: true }),
      /shop\/left is left standing still/,
    ],
    [
      'a container that stands still too long beside an agent',
      async () => {
        lifeNow().state = 'running';
        world.sim.model.hold(running(), { cgroupFrozen: true, shimPaused: true });
        await world.clock.sleep(21_000);
        world.sim.model.hold(running(), { cgroupFrozen: false, shimPaused: false });
      },
      /shop\/p0 stands still for 20 s/,
    ],
    [
      "a thaw of somebody else's freeze",
      () => {
        world.frozenByOthers.add(running().life.containerId);
        world.sim.model.hold(running(), { cgroupFrozen: true });
        world.sim.model.hold(running(), { cgroupFrozen: false });
      },
      /was thawed, not by its owner/,
    ],
    [
      'a capture of what somebody else froze',
      () => {
        world.frozenByOthers.add('aa');
        received();
      },
      /was captured while frozen/,
    ],
    [
      'two checkpoints at once',
      () => {
        received();
        received({ containerId: 'bb' });
      },
      /is checkpointed beside aa/,
    ],
    ['a denied capture', () => received({ namespace: 'secret' }), /secret\/p0 is denied/],
    [
      'more captures than the budget has',
      () => {
        const { capturesPerHour } = world.config.limits;
        for (let n = 0; n <= capturesPerHour; n++) {
          received();
          const target = { namespace: 'shop', pod: 'p0', container: 'app', containerId: 'aa' };
          const end = { ...target, via: 'cri', location: '', code: 'OK', message: '' } as const;
          world.sim.happenings.tell('checkpoint-ended', end);
        }
      },
      /captures an hour/,
    ],
    [
      'a trigger that never ends',
      () => withStore((store) => createJournal(store, () => 0).insert(named('waits'))),
      /trigger waits is still queued at the end/,
    ],
    [
      'a trigger that ends twice',
      () => {
        withStore((store) => {
          const journal = createJournal(store, () => 0);
          journal.insert(named('twice'));
          journal.note('twice', 'failed');
        });
        const end = (outcome: Extract<Fact, { kind: 'ended' }>['outcome']) =>
          lifeNow().facts.push({ kind: 'ended', outcome });
        end(failed(named('twice')));
        end(failed(named('twice')));
      },
      /ended as: failed, then failed/,
    ],
    [
      'a trigger that is told otherwise than it is journalled',
      () => {
        withStore((store) => {
          const journal = createJournal(store, () => 0);
          journal.insert(named('otherwise'));
          journal.note('otherwise', 'failed');
        });
        lifeNow().facts.push({ kind: 'ended', outcome: archived(named('otherwise')) });
      },
      /is failed in the journal, but was told to be archived/,
    ],
    [
      'an accepted trigger that is in no journal',
      () => {
        const trigger = named('nowhere');
        const [decision] = trigger.decisions;
        if (decision) lifeNow().facts.push({ kind: 'accepted', trigger, decision });
      },
      /trigger \S+ is not in the journal/,
    ],
    [
      'a decision without an answer',
      () => {
        const [decision] = triggerOf().decisions;
        if (!decision) throw new Error('no decision');
        for (let n = 0; n < 3; n++) lifeNow().facts.push({ kind: 'decision', decision });
      },
      /life 0: 3 decisions to fire, 1 answers/,
    ],
    [
      'a partial archive that is left',
      () => writeFileSync(at(PARTIAL), checkpointTar().subarray(0, 4_000)),
      /partial\S+ is left in the directory, foreign/,
    ],
    [
      'an archive that is not what its record says',
      async () => {
        await keepOne();
        const tar = checkpointTar();
        tar.fill(0x21, tar.length - 4_096, tar.length - 4_000);
        writeFileSync(at(NAME), tar);
      },
      /is listed, but it is/,
    ],
    [
      'an archive that is gone, though its policy keeps it',
      () =>
        lifeNow().facts.push({
          kind: 'ended',
          outcome: archived(triggerOf(), { retainClass: 'crash' }),
        }),
      /is lost/,
    ],
    [
      "somebody's file that is gone",
      () => rmSync(at('notes.txt')),
      /notes.txt is not ours, and is gone/,
    ],
    [
      "somebody's file that changed",
      () => appendFileSync(at(JUNK), 'x'),
      /junk\S+ is not ours, and is \d+/,
    ],
    [
      'a record that was never finished',
      () => writeFileSync(at('.stillpoint/unfinished/x'), ''),
      /unfinished files are left: x/,
    ],
    [
      'images that are left',
      () => mkdirSync(at('.stillpoint/images/checkpoint-x'), { recursive: true }),
      /images are left: checkpoint-x/,
    ],
    [
      'a view of a snapshot that no lease holds',
      () => world.sim.layers.view('strange', 'parent', ''),
      /the runtime keeps for ever: strange/,
    ],
    [
      'a lease of an agent that was never killed',
      () =>
        world.sim.layers.createLease('one', { 'containerd.io/gc.expire': '2999-01-01T00:00:00Z' }),
      /1 leases are left in the runtime/,
    ],
    [
      'a log line that only a mistake can cause',
      () => world.lines.push({ level: 'error', event: 'capture-broke', fields: {} }),
      /log line capture-broke/,
    ],
    ['a stop that hangs', () => world.hung.push('the stop of life 0'), /the stop of life 0/],
    [
      'an error that is none of ours',
      () => world.lines.push({ level: 'warn', event: 'x', fields: { error: new TypeError('t') } }),
      /log line x: TypeError: t/,
    ],
  ];

  it('find each promise that is broken', async () => {
    for (const [, happen] of cases) await happen();
    await atTheEnd();
    for (const [what, , expected] of cases) {
      expect({ what, found: broken.filter((line) => expected.test(line)) }).not.toEqual({
        what,
        found: [],
      });
    }
  });
});
