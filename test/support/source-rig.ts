import { createRandom, silentLogger } from '../../src/base/index.ts';
import { type ApiClient, createApiClient, type Identity } from '../../src/kube/index.ts';
import type { Signal } from '../../src/signal/index.ts';
import type { Source, SourceStatus } from '../../src/sources/index.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { type ScriptedApiServer, startScriptedApiServer } from './scripted-api-server.ts';

/** What the sources that watch the API server are made with. */
type WatchedSourceInputs = {
  api: ApiClient;
  nodeName: string;
  clock: FakeClock;
  random: ReturnType<typeof createRandom>;
  log: typeof silentLogger;
  emit: (signal: Signal) => void;
  onStatus: (source: string, status: SourceStatus) => void;
};

/** A source of node-1 against a scripted server, on a fake clock. */
export interface SourceRig extends AsyncDisposable {
  server: ScriptedApiServer;
  clock: FakeClock;
  source: Source;
  signals: Recorder<Signal>;
  statuses: Recorder<SourceStatus>;
}

export async function createSourceRig(
  create: (inputs: WatchedSourceInputs) => Source,
): Promise<SourceRig> {
  const server = await startScriptedApiServer();
  const clock = createFakeClock();
  const signals = createRecorder<Signal>();
  const statuses = createRecorder<SourceStatus>();
  const identity: Identity = {
    server: server.url,
    source: 'kubeconfig',
    credentials: async () => ({ headers: {}, tls: { insecure: false } }),
  };
  const api = createApiClient(identity, { clock, log: silentLogger });
  const source = create({
    api,
    nodeName: 'node-1',
    clock,
    random: createRandom(1),
    log: silentLogger,
    emit: signals.push,
    onStatus: (_, status) => statuses.push(status),
  });
  await source.start();
  return {
    server,
    clock,
    source,
    signals,
    statuses,
    async [Symbol.asyncDispose]() {
      await source.stop();
      api.close();
      await server.close();
    },
  };
}
