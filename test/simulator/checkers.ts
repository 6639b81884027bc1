import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Fact } from '../../src/agent/index.ts';
import { type ArchiveRecord, listDirectory, verifyArchive } from '../../src/archive/index.ts';
import { createJournal } from '../../src/dispatch/index.ts';
import { openStore } from '../../src/store/index.ts';
import { DENIED, type World } from './world.ts';

/** Watches promises while the world goes on, and looks again at its end. */
export interface Checker {
  /** At the end, when everything is quiet. */
  atTheEnd(): void | Promise<void>;
}

/** A promise that was broken; the simulator adds the seed and what had happened. */
type Report = (broken: string) => void;

export function createCheckers(world: World, report: Report): Checker[] {
  return [
    noneStaysFrozen(world, report),
    nobodyElsesFreezeIsTouched(world, report),
    oneAtATime(world, report),
    deniedAndBudget(world, report),
    eachTriggerEndsOnce(world, report),
    archivesAreWhole(world, report),
    nothingIsTouched(world, report),
    nothingIsLeftOfDumps(world, report),
    noMistakesOfOurs(world, report),
    nothingHangs(world, report),
  ];
}

/** How long a container may stand still after its checkpoint, the agent and its runtime at hand. */
const FROZEN_MS_MAX = 20_000;
const LOOK_EVERY_MS = 100;

function noneStaysFrozen(world: World, report: Report): Checker {
  const { sim, clock } = world;
  const stillMs = new Map<string, number>();
  const look = () => {
    const isCared = world.life()?.state === 'running' && !world.away.has('runtime');
    for (const { pod, life } of sim.model.running()) {
      const { containerId } = life;
      const isOurs = !world.frozenByOthers.has(containerId) && !life.checkpointing;
      if (!isOurs || !(life.cgroupFrozen || life.shimPaused)) {
        stillMs.delete(containerId);
        continue;
      }
      const ms = (stillMs.get(containerId) ?? 0) + (isCared ? LOOK_EVERY_MS : 0);
      stillMs.set(containerId, ms);
      if (ms === FROZEN_MS_MAX) report(`${pod.namespace}/${pod.name} stands still for 20 s`);
    }
  };
  clock.every(LOOK_EVERY_MS, look);
  return {
    atTheEnd() {
      for (const { pod, life } of sim.model.running()) {
        const { cgroupFrozen, shimPaused, traced } = life;
        if (!cgroupFrozen && !shimPaused && !traced) continue;
        const state = JSON.stringify({ cgroupFrozen, shimPaused, traced });
        report(`${pod.namespace}/${pod.name} is left standing still: ${state}`);
      }
    },
  };
}

function nobodyElsesFreezeIsTouched({ sim, frozenByOthers }: World, report: Report): Checker {
  sim.happenings.on('thawed', ({ namespace, pod, containerId }) => {
    if (frozenByOthers.has(containerId)) report(`${namespace}/${pod} was thawed, not by its owner`);
  });
  sim.happenings.on('checkpoint-received', ({ namespace, pod, containerId }) => {
    if (frozenByOthers.has(containerId)) report(`${namespace}/${pod} was captured while frozen`);
  });
  return { atTheEnd: () => undefined };
}

/** Within one life of the agent; one that was killed has hung up on the runtime. */
function oneAtATime(world: World, report: Report): Checker {
  const underWay = new Map<string, { life: number; begunAt: number }>();
  const { happenings } = world.sim;
  happenings.on('checkpoint-received', ({ containerId, namespace, pod }) => {
    const life = world.life();
    const ended = life?.facts.filter(({ kind }) => kind === 'capture-ended').length ?? 0;
    for (const [other, one] of underWay) {
      if (one.life !== life?.number || one.begunAt !== ended) continue;
      report(`${namespace}/${pod} is checkpointed beside ${other.slice(0, 12)}`);
    }
    underWay.set(containerId, { life: life?.number ?? -1, begunAt: ended });
  });
  happenings.on('checkpoint-ended', ({ containerId }) => void underWay.delete(containerId));
  return { atTheEnd: () => undefined };
}

function deniedAndBudget({ sim, config }: World, report: Report): Checker {
  const { capturesPerHour } = config.limits;
  let begun = 0;
  sim.happenings.on('checkpoint-received', ({ namespace, pod }) => {
    if (DENIED.includes(namespace)) report(`${namespace}/${pod} is denied, and was captured`);
    // The whole run takes less than an hour of its own time.
    if (++begun === capturesPerHour + 1) report(`more than ${capturesPerHour} captures an hour`);
  });
  return { atTheEnd: () => undefined };
}

type Outcome = Extract<Fact, { kind: 'ended' }>['outcome'];

function eachTriggerEndsOnce(world: World, report: Report): Checker {
  return {
    atTheEnd() {
      const facts = world.lives.flatMap((life) => life.facts);
      const ends = new Map<string, Outcome['kind'][]>();
      for (const fact of facts) {
        if (fact.kind !== 'ended' || fact.outcome.kind === 'not-accepted') continue;
        const { id } = fact.outcome.trigger;
        ends.set(id, [...(ends.get(id) ?? []), fact.outcome.kind]);
      }
      const store = openStore(join(world.config.stateDir, 'state.db'));
      const entries = createJournal(store, () => 0).recent(1_000);
      store.close();
      const wasKilled = world.lives.some(({ state }) => state === 'dead');
      for (const { trigger, state } of entries) {
        const told = (ends.get(trigger.id) ?? []).join(', then ');
        const isOver = ['recorded', 'refused', 'failed'].includes(state);
        if (!isOver) report(`trigger ${trigger.id} is still ${state} at the end`);
        // A death between the note and the word costs the word; a late archive has two.
        const right = ['archived', 'broken', 'failed', 'refused', 'failed, then archived'];
        if (!right.includes(told) && !(wasKilled && told === '')) {
          report(`trigger ${trigger.id} (${state}) ended as: ${told || 'nothing'}`);
        }
        if (told.endsWith('archived') !== (state === 'recorded') && told !== '') {
          report(`trigger ${trigger.id} is ${state} in the journal, but was told to be ${told}`);
        }
      }
      const accepted = facts.flatMap((fact) => (fact.kind === 'accepted' ? [fact.trigger.id] : []));
      const known = new Set(entries.map(({ trigger }) => trigger.id));
      for (const id of accepted) if (!known.has(id)) report(`trigger ${id} is not in the journal`);
      for (const life of world.lives) checkDecisions(life.facts, life.number, report);
    },
  };
}

/** Every decision to fire was accepted, joined, or refused with a reason. */
function checkDecisions(facts: readonly Fact[], life: number, report: Report): void {
  const count = { fired: 0, answered: 0 };
  for (const fact of facts) {
    if (fact.kind === 'decision' && fact.decision.verdict === 'fire') count.fired++;
    if (fact.kind === 'accepted' || fact.kind === 'coalesced') count.answered++;
    if (fact.kind === 'ended' && fact.outcome.kind === 'not-accepted') count.answered++;
  }
  if (count.answered < count.fired) {
    report(`life ${life}: ${count.fired} decisions to fire, ${count.answered} answers`);
  }
}

function archivesAreWhole(world: World, report: Report): Checker {
  const { checkpointsDir } = world.config;
  return {
    async atTheEnd() {
      const entries = await listDirectory(checkpointsDir);
      for (const { name, standing } of entries) {
        if (world.untouchable.has(name)) continue;
        if (standing.kind !== 'recorded') {
          report(`${name} is left in the directory, ${standing.kind}`);
          continue;
        }
        const { verification, record } = await verifyArchive(join(checkpointsDir, name));
        if (verification.kind === 'complete' && record.kind === 'matches') continue;
        report(`${name} is listed, but it is ${verification.kind}, its record ${record.kind}`);
      }
      const left = entries.flatMap(({ name, standing }) =>
        standing.kind === 'recorded' ? [{ ...standing.record, archive: name }] : [],
      );
      const made = world.lives.flatMap(({ facts }) => facts).flatMap(archiveOf);
      const there = new Set(entries.map(({ name }) => name));
      for (const one of made.filter(({ archive }) => !there.has(archive))) {
        if (!mayBeRemoved(one, [...made, ...left])) report(`${one.archive} is lost`);
      }
    },
  };
}

type Made = Pick<ArchiveRecord, 'archive' | 'retainClass' | 'pod' | 'createdMs'>;

function archiveOf(fact: Fact): Made[] {
  return fact.kind === 'ended' && fact.outcome.kind === 'archived' ? [fact.outcome.record] : [];
}

/** How many newer ones of its group its policy must have found; no policy, no removal. */
const NEWER_MIN: Record<string, number> = { crash: 3, scheduled: 1 };

function mayBeRemoved({ retainClass, pod, createdMs }: Made, all: readonly Made[]): boolean {
  const newer = all.filter((one) => one.retainClass === retainClass && one.createdMs > createdMs);
  const ofGroup = newer.filter((one) => one.pod === pod || retainClass === 'scheduled');
  const names = new Set(ofGroup.map(({ archive }) => archive));
  return names.size >= (NEWER_MIN[retainClass] ?? Number.POSITIVE_INFINITY);
}

function nothingIsTouched(world: World, report: Report): Checker {
  const { checkpointsDir } = world.config;
  const look = (name: string) => {
    const stat = lstatSync(join(checkpointsDir, name), { throwIfNoEntry: false });
    if (!stat) return 'gone';
    const link = stat.isSymbolicLink() ? readlinkSync(join(checkpointsDir, name)) : '';
    return `${stat.ino} ${stat.size} ${stat.mtimeMs} ${link}`;
  };
  const before = new Map([...world.untouchable].map((name) => [name, look(name)]));
  return {
    atTheEnd() {
      for (const [name, was] of before) {
        if (look(name) !== was)
          report(`${name} is not ours, and is ${look(name)} instead of ${was}`);
      }
      const unfinished = readdirSync(join(checkpointsDir, '.stillpoint', 'unfinished'));
      if (unfinished.length > 0) report(`unfinished files are left: ${unfinished.join(', ')}`);
    },
  };
}

/** Folders of images, and what was made in the runtime's store for them. */
function nothingIsLeftOfDumps(world: World, report: Report): Checker {
  const images = join(world.config.checkpointsDir, '.stillpoint', 'images');
  return {
    atTheEnd() {
      const folders = existsSync(images) ? readdirSync(images) : [];
      if (folders.length > 0) report(`images are left: ${folders.join(', ')}`);
      const { layers } = world.sim;
      const left = layers.leftForEver();
      if (left.length > 0) report(`the runtime keeps for ever: ${left.join(', ')}`);
      // One that was killed, or whose runtime was away, leaves it to the expiry of its lease.
      const isClean = world.lives.every(({ state }) => state !== 'dead') && world.outages === 0;
      const { leases } = layers.left();
      if (isClean && leases > 0) report(`${leases} leases are left in the runtime`);
    },
  };
}

function nothingHangs({ hung }: World, report: Report): Checker {
  return { atTheEnd: () => hung.forEach(report) };
}

/** Log lines that only a mistake of ours can cause. */
function noMistakesOfOurs(world: World, report: Report): Checker {
  const mistakes = [
    'listener-failed',
    'capture-broke',
    'undo-failed',
    'stop-failed',
    'start-failed',
  ];
  return {
    atTheEnd() {
      for (const { level, event, fields } of world.lines) {
        const error = fields.error as { code?: string; stack?: string } | undefined;
        const isInternal = error !== undefined && (error.code ?? 'internal') === 'internal';
        if (level !== 'error' && !isInternal) continue;
        if (!mistakes.includes(event) && !isInternal) continue;
        report(`log line ${event}: ${error?.stack ?? JSON.stringify(fields)}`);
      }
    },
  };
}
