import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { guardSocketOf } from '../../src/agent/guard-side.ts';
import { readGuardFlags } from '../../src/guard/index.ts';
import {
  type Container,
  type DaemonSet,
  foldersOf,
  kubectl,
  type Manifest,
  type Mount,
  one,
  readmeKustomization,
  render,
  renderOwn,
  renderWith,
  type Volume,
} from './manifests.ts';

const installs = [
  'deploy/base',
  ...foldersOf('deploy/overlays').map((n) => `deploy/overlays/${n}`),
];

interface Pod {
  agent: Container;
  guard?: Container;
  volumes: Volume[];
  config: ReturnType<typeof parseAgentConfig>;
}

function podOf(manifests: readonly Manifest[]): Pod {
  const { spec } = one<DaemonSet>(manifests, 'DaemonSet', 'stillpoint-agent').spec.template;
  const { data } = one(manifests, 'ConfigMap', 'stillpoint-config');
  const text = (data as Record<string, string>)['stillpoint.yaml'] ?? '';
  return {
    agent: spec.containers[0],
    guard: spec.initContainers?.[0],
    volumes: spec.volumes,
    config: parseAgentConfig(text, 'stillpoint.yaml'),
  };
}

/** The host path mounts, each with what it shows. */
function hostMounts({ agent, volumes }: Pod): (Mount & { hostPath: { path: string } })[] {
  return agent.volumeMounts.flatMap((mount) => {
    const hostPath = volumes.find(({ name }) => name === mount.name)?.hostPath;
    return hostPath ? [{ ...mount, hostPath }] : [];
  });
}

function mountOf(pod: Pod, path: string): Mount | undefined {
  return pod.agent.volumeMounts
    .filter(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
}

// Rendered by kustomize only; a machine without kubectl checks the sources (base.test.ts).
const describeRendered = kubectl === undefined ? describe.skip : describe;

describeRendered.each(installs)('%s', (folder) => {
  const manifests = render(folder);
  const pod = podOf(manifests);
  const { agent, volumes, config } = pod;

  it('puts all that has a namespace into its own, and nothing else', () => {
    const clusterWide = ['Namespace', 'ClusterRole', 'ClusterRoleBinding'];
    for (const { kind, metadata } of manifests) {
      const namespace = clusterWide.includes(kind) ? undefined : 'stillpoint';
      expect({ kind, namespace: metadata.namespace }).toEqual({ kind, namespace });
    }
  });

  it('labels all that it makes', () => {
    for (const { kind, metadata } of manifests) {
      expect({ kind, ...metadata.labels }).toMatchObject({
        kind,
        'app.kubernetes.io/name': 'stillpoint',
      });
    }
  });

  it('only observes until somebody says otherwise', () => {
    expect(config.mode).toBe('observe');
  });

  it('mounts host paths at the same path inside', () => {
    expect(hostMounts(pod).length).toBeGreaterThan(6);
    for (const { mountPath, hostPath } of hostMounts(pod)) expect(mountPath).toBe(hostPath.path);
  });

  it('mounts directories, never a socket, and makes none but its own', () => {
    const made = volumes.filter(({ hostPath }) => hostPath?.type === 'DirectoryOrCreate');
    expect(made.map(({ name }) => name).sort()).toEqual(['checkpoints', 'run', 'state']);
    for (const { name, hostPath } of volumes) {
      // Without a type the runtime makes what is missing, on the host.
      if (hostPath) expect({ name, type: hostPath.type }).not.toEqual({ name, type: undefined });
      expect(hostPath?.path ?? '').not.toMatch(/\.sock$/);
    }
  });

  it('mounts every volume, and has a volume for every mount', () => {
    const mounted = agent.volumeMounts.map(({ name }) => name).sort();
    expect(mounted).toEqual(volumes.map(({ name }) => name).sort());
  });

  it('reaches every path of its configuration, and writes only where it has to', () => {
    const checkpoints = config.checkpointsDir ?? `${config.rootDir}/checkpoints`;
    const written = [checkpoints, config.stateDir, dirname(config.socket), config.cgroupRoot];
    const read = [dirname(config.runtime.socket), config.runtime.root, config.runtime.tmp];
    for (const path of written) expect(mountOf(pod, path)?.readOnly ?? false).toBe(false);
    for (const path of read) {
      expect({ path, ...mountOf(pod, path) }).toMatchObject({ path, readOnly: true });
    }
    const { pin } = config.kubelet.tls;
    if (pin !== undefined) expect(mountOf(pod, pin)?.readOnly).toBe(true);
  });

  it('has a guard where containerd is, which finds its socket and that of the agent', () => {
    const { guard } = pod;
    expect(guard === undefined).toBe(config.guard.run === 'none');
    expect(guard === undefined).toBe(!config.runtime.socket.endsWith('/containerd.sock'));
    if (!guard) return;
    const flags = readGuardFlags(guard.args?.slice(1) ?? []);
    expect(flags).toMatchObject({
      socket: guardSocketOf(config),
      cgroupRoot: config.cgroupRoot,
      procRoot: config.procRoot,
    });
    const shown = hostMounts({ ...pod, agent: guard });
    const hostPathOf = (path: string) => {
      const mount = shown.find(({ mountPath }) => mountPath === dirname(path));
      return mount && join(mount.hostPath.path, basename(path));
    };
    expect(hostPathOf(flags.runtimeSocket)).toBe(config.runtime.socket);
    expect(hostPathOf(flags.socket)).toBe(flags.socket);
  });

  it('follows what the host mounts and unmounts', () => {
    for (const { name, mountPropagation } of hostMounts(pod)) {
      const mayHoldMounts = name.startsWith('runtime-') || ['checkpoints', 'cgroup'].includes(name);
      if (mayHoldMounts)
        expect({ name, mountPropagation }).toMatchObject({
          name,
          mountPropagation: 'HostToContainer',
        });
    }
  });
});

describeRendered('a component', () => {
  it.each([
    ['nats', '/etc/stillpoint/nats', 'stillpoint-nats'],
    ['alerts', '/etc/stillpoint/alerts', 'stillpoint-alerts'],
  ])('%s brings its Secret into the pod', (component, path, secretName) => {
    const { agent, volumes } = podOf(renderWith('deploy/overlays/crio', [component]));
    const mount = agent.volumeMounts.find(({ mountPath }) => mountPath === path);
    expect(mount).toMatchObject({ readOnly: true });
    expect(volumes.find(({ name }) => name === mount?.name)?.secret).toMatchObject({ secretName });
  });

  it("alerts leads to the agent of the sender's node", () => {
    const service = one(renderWith('deploy/base', ['alerts']), 'Service');
    expect(service).toMatchObject({
      metadata: { namespace: 'stillpoint' },
      spec: { internalTrafficPolicy: 'Local', ports: [{ port: 9466, targetPort: 'http' }] },
    });
  });

  it('own-priority needs no quota', () => {
    const manifests = renderWith('deploy/base', ['own-priority']);
    const { spec } = one<DaemonSet>(manifests, 'DaemonSet').spec.template;
    expect(spec.priorityClassName).toBe(one(manifests, 'PriorityClass').metadata.name);
    expect(manifests.filter(({ kind }) => kind === 'ResourceQuota')).toEqual([]);
  });

  it('network-policy is about the agents', () => {
    const manifests = renderWith('deploy/base', ['network-policy']);
    const policy = one(manifests, 'NetworkPolicy') as Manifest & { spec: { podSelector: unknown } };
    const set = one(manifests, 'DaemonSet') as Manifest & { spec: { selector: unknown } };
    expect(policy.spec.podSelector).toEqual(set.spec.selector);
  });

  it('is rendered by some test, whichever it is', () => {
    const known = ['alerts', 'kubelet-certificate', 'kubelet-checkpoint', 'nats', 'network-policy'];
    expect(foldersOf('deploy/components')).toEqual([...known, 'own-priority']);
    expect(renderWith('deploy/base', ['alerts', 'nats', 'network-policy']).length).toBe(12);
  });
});

describeRendered("a kustomization of one's own, as deploy/README.md shows it", () => {
  const rules = 'kind: CheckpointRule\n';
  const manifests = renderOwn(readmeKustomization(), {
    'stillpoint.yaml': 'mode: enforce\n',
    'rules/memory.yaml': rules,
    'rules/retention.yaml': rules,
  });

  it('replaces configuration and rules by its own', () => {
    expect(one(manifests, 'ConfigMap', 'stillpoint-config').data).toEqual({
      'stillpoint.yaml': 'mode: enforce\n',
    });
    const { data, metadata } = one(manifests, 'ConfigMap', 'stillpoint-rules');
    expect(data).toEqual({ 'memory.yaml': rules, 'retention.yaml': rules });
    expect(metadata.namespace).toBe('stillpoint');
  });

  it('names the image', () => {
    const { spec } = one<DaemonSet>(manifests, 'DaemonSet').spec.template;
    expect(spec.containers[0].image).toMatch(/^registry\.example\.com\/stillpoint:/);
  });
});
