import { Server as HttpServer } from 'node:http';
import { Server } from 'node:net';
import { type Cancel, type Clock, StillpointError } from '../../src/base/index.ts';
import type { NodeProbe } from '../../src/node/index.ts';
import {
  type FileLock,
  type Store,
  type TakeFileLock,
  takeFileLock,
} from '../../src/store/index.ts';

/**
 * What an agent is given so that it can be killed inside this process: after the kill no timer of
 * it fires, no sleep of it ends, and no word of it reaches the store.
 */
export interface Mortal<T> {
  given: T;
  kill(): void;
}

export function mortalClock(clock: Clock): Mortal<Clock> {
  const timers = new Set<Cancel>();
  let dead = false;
  const keep = (cancel: Cancel): Cancel => {
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  };
  const given: Clock = {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    after(ms, run) {
      if (dead) return () => undefined;
      const cancel = keep(
        clock.after(ms, () => {
          cancel();
          run();
        }),
      );
      return cancel;
    },
    every: (ms, run) => (dead ? () => undefined : keep(clock.every(ms, run))),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = given.after(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
  };
  return {
    given,
    kill() {
      dead = true;
      for (const cancel of [...timers]) cancel();
    },
  };
}

export function mortalStore(store: Store): Mortal<Store> {
  let dead = false;
  const alive = <T>(work: () => T): T => {
    if (dead) throw new StillpointError({ code: 'store', message: 'this agent is dead' });
    return work();
  };
  return {
    given: {
      all: (sql, ...values) => alive(() => store.all(sql, ...values)),
      get: (sql, ...values) => alive(() => store.get(sql, ...values)),
      run: (sql, ...values) => alive(() => store.run(sql, ...values)),
      transaction: (work) => alive(() => store.transaction(work)),
      close: () => alive(() => store.close()),
    },
    kill() {
      dead = true;
      store.close();
    },
  };
}

/** A machine on which a dead agent writes nothing any more. */
export function mortalNode(node: NodeProbe): Mortal<NodeProbe> {
  let dead = false;
  const cgroups: NodeProbe['cgroups'] = {
    ...node.cgroups,
    setFreezer(cgroup, wanted) {
      if (dead) throw new StillpointError({ code: 'io', message: 'this agent is dead' });
      node.cgroups.setFreezer(cgroup, wanted);
    },
  };
  return {
    given: { ...node, cgroups },
    kill() {
      dead = true;
    },
  };
}

/** Locks that end with the life that took them, as the system's end with a process. */
export function mortalLocks(): Mortal<TakeFileLock> {
  const held = new Set<FileLock>();
  let dead = false;
  return {
    given(path) {
      if (dead) throw new StillpointError({ code: 'store', message: 'this agent is dead' });
      const lock = takeFileLock(path);
      if (!lock) return undefined;
      const mine: FileLock = {
        release() {
          if (held.delete(mine)) lock.release();
        },
      };
      held.add(mine);
      return mine;
    },
    kill() {
      dead = true;
      for (const lock of [...held]) lock.release();
    },
  };
}

/** Closes what a dead agent still listens on, as the system does when a process ends. */
export function closeServers(where: readonly (string | number)[]): void {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  for (const handle of handles) {
    if (!(handle instanceof Server)) continue;
    const address = handle.address();
    const at = typeof address === 'object' ? address?.port : address;
    if (at === undefined || !where.includes(at)) continue;
    handle.close();
    if (handle instanceof HttpServer) handle.closeAllConnections();
  }
}
