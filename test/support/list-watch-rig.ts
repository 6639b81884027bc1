import { createRandom, silentLogger } from '../../src/base/index.ts';
import {
  type Change,
  createApiClient,
  type Identity,
  type KubeObject,
  type ListWatch,
  type ListWatchOptions,
  type ListWatchState,
  startListWatch,
} from '../../src/kube/index.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { type ScriptedApiServer, startScriptedApiServer } from './scripted-api-server.ts';

/** A list/watch of pods against a scripted server, on a fake clock. */
export interface ListWatchRig extends AsyncDisposable {
  server: ScriptedApiServer;
  clock: FakeClock;
  watch: ListWatch;
  /** Each change as `added web-1@5 firstList`. */
  changes: Recorder<string>;
  states: Recorder<ListWatchState>;
  /** Waits until it backs off, and moves the clock to the end of that; returns the state. */
  passBackOff(): Promise<ListWatchState & { state: 'backingOff' }>;
  /** How often credentials were asked for, `cached` or `fresh`. */
  asked: string[];
}

export type RigOptions = Partial<
  Pick<ListWatchOptions<KubeObject, string>, 'knownMax' | 'query' | 'accepts'>
> & {
  /** Called before a change is recorded. */
  onChange?(change: Change<KubeObject, string>): void;
  /** The n-th credentials; default always the same. */
  token?(fresh: boolean): string;
  server?: ScriptedApiServer;
};

export async function createListWatchRig(options: RigOptions = {}): Promise<ListWatchRig> {
  const server = options.server ?? (await startScriptedApiServer());
  const clock = createFakeClock();
  const changes = createRecorder<string>();
  const states = createRecorder<ListWatchState>();
  const asked: string[] = [];
  const identity: Identity = {
    server: server.url,
    source: 'kubeconfig',
    async credentials({ fresh } = { fresh: false }) {
      asked.push(fresh ? 'fresh' : 'cached');
      const token = options.token?.(fresh) ?? 'secret';
      return { headers: { Authorization: `Bearer ${token}` }, tls: { insecure: false } };
    },
  };
  const api = createApiClient(identity, { clock, log: silentLogger });
  const watch = startListWatch<KubeObject, string>({
    api,
    path: '/api/v1/pods',
    query: options.query ?? { fieldSelector: 'spec.nodeName=node-1' },
    clock,
    random: createRandom(1),
    log: silentLogger,
    remember: ({ metadata }) => metadata.name ?? '',
    accepts: options.accepts,
    knownMax: options.knownMax,
    onChange(change) {
      options.onChange?.(change);
      changes.push(describe(change));
    },
    onState: states.push,
  });
  return {
    server,
    clock,
    watch,
    changes,
    states,
    asked,
    async passBackOff() {
      const state = await states.next(({ state }) => state === 'backingOff');
      if (state.state !== 'backingOff') throw new Error(state.state);
      await clock.advance(state.untilMs - clock.monotonicMs());
      return state;
    },
    async [Symbol.asyncDispose]() {
      await watch.stop();
      api.close();
      await server.close();
    },
  };
}

function describe(change: Change<KubeObject, string>): string {
  if (change.type === 'deleted') return `deleted ${change.before} ${change.from}`;
  const { name, resourceVersion } = change.object.metadata;
  return `${change.type} ${name}@${resourceVersion} ${change.from}`;
}

/** A pod with nothing but what tells it apart. */
export function podAt(name: string, resourceVersion: string): KubeObject {
  return { metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion } };
}

export function bookmarkAt(resourceVersion: string): unknown {
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion } } };
}
