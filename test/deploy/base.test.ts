import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { STOP_GRACE_MS } from '../../src/agent/app.ts';
import { readGuardFlags } from '../../src/guard/index.ts';
import { agentRights, checkpointRight } from '../lab/rig/rights.ts';
import { listFiles, readText, repositoryRoot } from '../structure/source-tree.ts';
import { type DaemonSet, manifestsOf, one } from './manifests.ts';

const daemonSet = one<DaemonSet>(manifestsOf('deploy/base/daemonset.yaml'), 'DaemonSet');
const { spec } = daemonSet.spec.template;
const [agent] = spec.containers;
const [guard] = spec.initContainers ?? [];
const { version } = JSON.parse(readText('package.json')) as { version: string };

/** Rules of RBAC in one order, so that two ways to write the same compare equal. */
function sorted(rules: unknown): string[] {
  return (rules as Record<string, string[]>[])
    .map((rule) => {
      const parts = Object.entries(rule).map(([key, values]) => `${key}=${[...values].sort()}`);
      return parts.sort().join(' ');
    })
    .sort();
}

describe('the rights', () => {
  it('are those that the scenarios of the lab pass with, and no other', () => {
    const role = one(manifestsOf('deploy/base/rights.yaml'), 'ClusterRole');
    expect(sorted(role.rules)).toEqual(sorted(agentRights));
  });

  it('leave the checkpoint right to a component', () => {
    const path = 'deploy/components/kubelet-checkpoint/rights.yaml';
    expect(sorted(one(manifestsOf(path), 'ClusterRole').rules)).toEqual(sorted([checkpointRight]));
  });

  it.each(['deploy/base/rights.yaml', 'deploy/components/kubelet-checkpoint/rights.yaml'])(
    'are bound to the service account of the DaemonSet: %s',
    (path) => {
      const { roleRef, subjects } = one(manifestsOf(path), 'ClusterRoleBinding');
      const { metadata } = one(manifestsOf(path), 'ClusterRole');
      expect(roleRef).toMatchObject({ kind: 'ClusterRole', name: metadata.name });
      expect(subjects).toEqual([
        { kind: 'ServiceAccount', name: spec.serviceAccountName, namespace: 'stillpoint' },
      ]);
    },
  );

  it('reach no secret and no proxy of a node, anywhere below deploy', () => {
    const roles = listFiles('deploy', '.yaml')
      .flatMap(manifestsOf)
      .filter((each) => each?.kind === 'ClusterRole' || each?.kind === 'Role');
    expect(roles.length).toBeGreaterThan(1);
    for (const { rules } of roles) {
      expect(JSON.stringify(rules)).not.toMatch(/secrets|nodes\/proxy|"\*"|exec|impersonate/);
    }
  });
});

describe('the pod', () => {
  it('runs the image of this version', () => {
    const images = listFiles('deploy', '.yaml').flatMap((path) =>
      [...readText(path).matchAll(/image: (?:&\w+ )?(stillpoint\.dev\S+)/g)].map(
        ([, name]) => name,
      ),
    );
    expect(images.length).toBeGreaterThan(1);
    expect(new Set(images)).toEqual(new Set([`stillpoint.dev/stillpoint:${version}`]));
  });

  it('has no privilege and no capability', () => {
    expect(agent.securityContext).toMatchObject({
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(agent.securityContext.capabilities).toEqual({ drop: ['ALL'] });
  });

  it('shares the processes of the host, and neither its network nor its IPC', () => {
    expect(spec).toMatchObject({ hostPID: true });
    expect(spec).not.toHaveProperty('hostNetwork');
    expect(spec).not.toHaveProperty('hostIPC');
  });

  it('knows its node, its address and itself', () => {
    const fields = agent.env.map(({ name, value, valueFrom }) => [
      name,
      value ?? valueFrom?.fieldRef.fieldPath,
    ]);
    expect(Object.fromEntries(fields)).toEqual({
      NODE_NAME: 'spec.nodeName',
      HOST_IP: 'status.hostIP',
      POD_UID: 'metadata.uid',
      POD_NAMESPACE: 'metadata.namespace',
      STILLPOINT_GUARD: 'sidecar',
    });
  });

  it('is given more time to end than a capture under way may take', () => {
    expect(spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(3 * STOP_GRACE_MS);
  });

  it('goes to every Linux node, one node at a time', () => {
    expect(spec).toMatchObject({
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists' }],
      priorityClassName: 'system-node-critical',
    });
    expect(daemonSet.spec.updateStrategy.rollingUpdate.maxUnavailable).toBe(1);
  });

  it('sees the logs of containers, which belong to an archive, and cannot write them', () => {
    const logs = { name: 'pod-logs', mountPath: '/var/log/pods', readOnly: true };
    expect(agent.volumeMounts).toContainEqual(logs);
  });

  it('bounds its memory and not its time', () => {
    expect(agent.resources.limits).toEqual({ memory: '256Mi' });
  });
});

describe('the guard', () => {
  it('is a native sidecar, so that it begins first and ends last', () => {
    expect(spec.initContainers).toHaveLength(1);
    expect(guard).toMatchObject({ name: 'guard', restartPolicy: 'Always', image: agent.image });
  });

  it('may no more than the agent, and is not throttled', () => {
    expect(guard?.securityContext).toEqual(agent.securityContext);
    expect(guard?.resources.limits).toEqual({ memory: '64Mi' });
    const ofAgent = agent.volumeMounts.map(({ name }) => name);
    const names = guard?.volumeMounts.map(({ name }) => name) ?? [];
    expect(names).toEqual(['run', 'cgroup', 'runtime-run']);
    expect(ofAgent).toEqual(expect.arrayContaining(names));
  });

  it('is called with flags that it has', () => {
    const [command, ...flags] = guard?.args ?? [];
    expect([command, readGuardFlags(flags)]).toEqual([
      'guard',
      expect.objectContaining({
        socket: '/run/stillpoint/guard.sock',
        runtimeSocket: '/run/runtime/containerd.sock',
        leaveAlone: false,
      }),
    ]);
  });
});

describe('the shipped rules', () => {
  it('are all in the ConfigMap, their tests not', () => {
    const files = readdirSync(join(repositoryRoot, 'rules')).filter(
      (name) => /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name),
    );
    const [kustomization] = manifestsOf('rules/Kustomization') as unknown as [
      { configMapGenerator: { files: string[] }[] },
    ];
    expect(kustomization.configMapGenerator.flatMap((map) => map.files).sort()).toEqual(
      files.sort(),
    );
  });
});
