import { describe, expect, it } from '@jest/globals';
import { podFactFromApi } from '../../../src/sources/pods/index.ts';
import { podChangedAtMs } from '../../../src/sources/pods/pod-fact-from-api.ts';

const ID = 'ab'.repeat(32);
const OLD_ID = 'cd'.repeat(32);

/** A pod with the least that names it, and whatever a test adds. */
function podOf(more: {
  metadata?: object;
  spec?: Record<string, unknown>;
  status?: object;
}): unknown {
  const metadata = { namespace: 'shop', name: 'cart-0', uid: 'u-1', ...more.metadata };
  return { metadata, spec: { nodeName: 'node-1', ...more.spec }, status: more.status };
}

function containerOf(container: object, status: object = {}) {
  const fact = podFactFromApi(
    podOf({
      spec: { containers: [{ name: 'app', image: 'shop/cart:1', ...container }] },
      status: { containerStatuses: [{ name: 'app', ...status }] },
    }),
  );
  return fact?.containers[0];
}

describe('the fact of a pod', () => {
  it('holds everything of a healthy pod', () => {
    const pod = podOf({
      metadata: {
        labels: { app: 'cart' },
        annotations: { team: 'payments' },
        ownerReferences: [
          { kind: 'Node', name: 'n' },
          { kind: 'ReplicaSet', name: 'cart-7d', controller: true },
        ],
      },
      spec: {
        hostNetwork: true,
        terminationGracePeriodSeconds: 60,
        containers: [{ name: 'app', image: 'shop/cart:1' }],
      },
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'app',
            imageID: 'sha256:1',
            containerID: `containerd://${ID}`,
            restartCount: 2,
            state: { running: { startedAt: '2026-01-01T00:00:05Z' } },
            lastState: {
              terminated: {
                reason: 'OOMKilled',
                exitCode: 137,
                finishedAt: '2026-01-01T00:00:01Z',
                containerID: `containerd://${OLD_ID}`,
              },
            },
          },
        ],
      },
    });
    expect(podFactFromApi(pod)).toEqual({
      namespace: 'shop',
      name: 'cart-0',
      uid: 'u-1',
      isStatic: false,
      nodeName: 'node-1',
      labels: { app: 'cart' },
      annotations: { team: 'payments' },
      owner: { kind: 'ReplicaSet', name: 'cart-7d' },
      phase: 'Running',
      terminationGraceMs: 60_000,
      hostNetwork: true,
      containers: [
        {
          name: 'app',
          type: 'app',
          image: 'shop/cart:1',
          imageId: 'sha256:1',
          containerId: ID,
          state: { kind: 'running', startedAtMs: Date.UTC(2026, 0, 1, 0, 0, 5) },
          restartCount: 2,
          lastEnd: {
            reason: 'OOMKilled',
            exitCode: 137,
            finishedAtMs: Date.UTC(2026, 0, 1, 0, 0, 1),
            containerId: OLD_ID,
          },
          probes: [],
        },
      ],
    });
  });

  it.each([
    ['null', null],
    ['text', 'pod'],
    ['an empty object', {}],
    ['a pod without uid', { metadata: { namespace: 'a', name: 'b' } }],
    ['a pod with a number for a name', { metadata: { namespace: 'a', name: 1, uid: 'u' } }],
    ['a namespace that is a path', podOf({ metadata: { namespace: '..' } })],
    ['a name that leads elsewhere', podOf({ metadata: { name: '../../etc/cron.d/x' } })],
    ['a name of dots', podOf({ metadata: { name: '..' } })],
    ['a name with an end of line', podOf({ metadata: { name: 'cart\n' } })],
    ['a name that is too long', podOf({ metadata: { name: 'a'.repeat(254) } })],
    ['a uid that is a path', podOf({ metadata: { uid: 'a/b' } })],
  ])('is not made of %s', (_, pod) => {
    expect(podFactFromApi(pod)).toBeUndefined();
  });

  it('leaves out a container that no API server would let in', () => {
    const names = ['app', '../app', 'a/b', 'App', 'a.b', 'a'.repeat(64), ''];
    const containers = names.map((name) => ({ name }));
    const found = podFactFromApi(podOf({ spec: { containers } }))?.containers;
    expect(found?.map(({ name }) => name)).toEqual(['app']);
  });

  it('is made of a pod of which nothing else is known or everything else is odd', () => {
    const bare = podFactFromApi(podOf({}));
    expect(bare).toMatchObject({ phase: 'Unknown', containers: [], terminationGraceMs: 30_000 });
    const odd = podFactFromApi(
      podOf({
        metadata: { labels: ['a'], annotations: { a: 1, b: 'x' }, ownerReferences: 'none' },
        spec: { containers: [null, 7, {}, { name: 'app', livenessProbe: [] }] },
        status: { containerStatuses: { app: true }, phase: null },
      }),
    );
    expect(odd).toMatchObject({ labels: {}, annotations: { b: 'x' } });
    expect(odd?.containers.map(({ name, state }) => [name, state.kind])).toEqual([
      ['app', 'waiting'],
    ]);
  });

  it('knows the mirror of a static pod, whose real uid is in an annotation', () => {
    const annotations = {
      'kubernetes.io/config.mirror': 'hash-1',
      'kubernetes.io/config.hash': 'hash-1',
      'kubernetes.io/config.source': 'file',
    };
    const fact = podFactFromApi(podOf({ metadata: { annotations } }));
    expect(fact).toMatchObject({ isStatic: true, staticUid: 'hash-1' });
  });

  it('knows a static pod by its source alone, and no pod from the API by that', () => {
    const fromUrl = {
      'kubernetes.io/config.source': 'http',
      'kubernetes.io/config.hash': 'hash-2',
    };
    const fromApi = {
      'kubernetes.io/config.source': 'api',
      'kubernetes.io/config.hash': 'hash-3',
    };
    expect(podFactFromApi(podOf({ metadata: { annotations: fromUrl } }))).toMatchObject({
      isStatic: true,
      staticUid: 'hash-2',
    });
    const plain = podFactFromApi(podOf({ metadata: { annotations: fromApi } }));
    expect([plain?.isStatic, plain?.staticUid]).toEqual([false, undefined]);
  });

  it('knows when a deleted pod will be killed, and with which grace', () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:01:00Z', deletionGracePeriodSeconds: 5 };
    const spec = { terminationGracePeriodSeconds: 30 };
    expect(podFactFromApi(podOf({ metadata, spec }))).toMatchObject({
      deletingAtMs: Date.UTC(2026, 0, 1, 0, 1),
      terminationGraceMs: 5_000,
    });
  });

  it.each([
    ['True', 'EvictionByEvictionAPI'],
    ['False', undefined],
  ])('knows why it is disrupted when the condition is %s', (status, reason) => {
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'DisruptionTarget', status, reason: 'EvictionByEvictionAPI' },
    ];
    expect(podFactFromApi(podOf({ status: { conditions } }))?.disruptionReason).toBe(reason);
  });

  it('tells app, init, sidecar and ephemeral containers apart, each with its own status', () => {
    const fact = podFactFromApi(
      podOf({
        spec: {
          containers: [{ name: 'app' }],
          initContainers: [{ name: 'setup' }, { name: 'proxy', restartPolicy: 'Always' }],
          ephemeralContainers: [{ name: 'debug' }],
        },
        status: {
          initContainerStatuses: [{ name: 'proxy', restartCount: 4 }],
          ephemeralContainerStatuses: [{ name: 'debug', restartCount: 5 }],
        },
      }),
    );
    expect(
      fact?.containers.map(({ name, type, restartCount }) => [name, type, restartCount]),
    ).toEqual([
      ['app', 'app', 0],
      ['setup', 'init', 0],
      ['proxy', 'sidecar', 4],
      ['debug', 'ephemeral', 5],
    ]);
  });
});

describe('the fact of a container', () => {
  it('waits with a reason', () => {
    const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting' };
    expect(containerOf({}, { state: { waiting } })?.state).toEqual({ kind: 'waiting', ...waiting });
  });

  it('has ended, by a signal or without one', () => {
    const terminated = { reason: 'Error', exitCode: 139, signal: 11, finishedAt: 'never' };
    expect(containerOf({}, { state: { terminated } })?.state).toEqual({
      kind: 'terminated',
      end: { reason: 'Error', exitCode: 139, signal: 11, finishedAtMs: 0 },
    });
  });

  it('has no id while none is there or it is no id', () => {
    expect(containerOf({}, { containerID: '' })?.containerId).toBeUndefined();
    expect(containerOf({}, { containerID: 'containerd://short' })?.containerId).toBeUndefined();
    expect(containerOf({}, { containerID: `cri-o://${ID}` })?.containerId).toBe(ID);
  });

  const limit = (memory: unknown) => ({ resources: { limits: { memory } } });
  it.each([
    ['of the spec', limit('256Mi'), {}, 268_435_456],
    ['of the status before the spec, after a resize', limit('256Mi'), limit('512Mi'), 536_870_912],
    ['of the spec when the status names none', limit('1G'), { resources: {} }, 1e9],
    ['in thousandths', limit('134217728000m'), {}, 134_217_728],
    ['with an exponent', limit('1e9'), {}, 1e9],
    ['beyond tera', limit('1Pi'), {}, 2 ** 50],
    ['as a bare number', limit(1024), {}, 1024],
    ['of zero, which is none', limit('0'), {}, undefined],
    ['that is none', limit('much'), {}, undefined],
    ['that is absent', {}, {}, undefined],
  ])('has the memory limit %s', (_, spec, status, bytes) => {
    expect(containerOf(spec, status)?.memoryLimitBytes).toBe(bytes);
  });

  it('has its probes with the defaults of the API', () => {
    const container = {
      livenessProbe: { httpGet: { path: '/', port: 80 } },
      readinessProbe: { exec: { command: ['true'] }, periodSeconds: 3, timeoutSeconds: 2 },
      startupProbe: { grpc: { port: 1 }, failureThreshold: 30, periodSeconds: 0 },
    };
    expect(containerOf(container)?.probes).toEqual([
      {
        type: 'liveness',
        handler: 'httpGet',
        periodMs: 10_000,
        timeoutMs: 1_000,
        failureThreshold: 3,
      },
      {
        type: 'readiness',
        handler: 'exec',
        periodMs: 3_000,
        timeoutMs: 2_000,
        failureThreshold: 3,
      },
      {
        type: 'startup',
        handler: 'grpc',
        periodMs: 10_000,
        timeoutMs: 1_000,
        failureThreshold: 30,
      },
    ]);
  });

  it('leaves out a probe without a handler', () => {
    expect(containerOf({ livenessProbe: { periodSeconds: 1 } })?.probes).toEqual([]);
  });
});

describe('the time of a change', () => {
  it('is the newest that the object tells of', () => {
    const pod = podOf({
      metadata: {
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [{ time: '2026-01-01T00:00:07Z' }],
      },
      status: {
        conditions: [{ lastTransitionTime: '2026-01-01T00:00:03Z' }],
        containerStatuses: [{ state: { terminated: { finishedAt: '2026-01-01T00:00:09Z' } } }],
      },
    });
    expect(podChangedAtMs(pod)).toBe(Date.UTC(2026, 0, 1, 0, 0, 9));
    expect(podChangedAtMs(podOf({}))).toBeUndefined();
  });
});
