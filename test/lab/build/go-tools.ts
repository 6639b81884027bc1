import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { binDir, modulesDir } from '../layout.ts';
import { goVersionMin, versions } from '../versions.ts';
import type { Product } from './stamp.ts';

interface GoTool {
  name: string;
  module: string;
  version: string;
  /** The package inside the module; empty for the module's root. */
  folder: string;
  tags?: string;
}

const containerd = 'github.com/containerd/containerd/v2';

const tools: readonly GoTool[] = [
  {
    name: 'containerd',
    module: containerd,
    version: versions.containerd,
    folder: 'cmd/containerd',
    tags: 'no_btrfs,no_zfs,no_devmapper',
  },
  {
    name: 'containerd-shim-runc-v2',
    module: containerd,
    version: versions.containerd,
    folder: 'cmd/containerd-shim-runc-v2',
  },
  { name: 'ctr', module: containerd, version: versions.containerd, folder: 'cmd/ctr' },
  {
    name: 'runc',
    module: 'github.com/opencontainers/runc',
    version: versions.runc,
    folder: '',
    tags: 'seccomp',
  },
  { name: 'etcd', module: 'go.etcd.io/etcd/server/v3', version: versions.etcd, folder: '' },
  {
    name: 'nats-server',
    module: 'github.com/nats-io/nats-server/v2',
    version: versions.nats,
    folder: '',
  },
  {
    name: 'checkpointctl',
    module: 'github.com/checkpoint-restore/checkpointctl',
    version: versions.checkpointctl,
    folder: '',
  },
];

export const goToolProducts: readonly Product[] = tools.map((tool) => ({
  name: tool.name,
  recipe: `${path.join(tool.module, tool.folder)}@${tool.version} tags=${tool.tags ?? ''}\n`,
  files: [path.join(binDir, tool.name)],
  build: () => buildTool(tool),
}));

async function buildTool(tool: GoTool): Promise<void> {
  const dir = path.join(modulesDir, tool.name);
  writeModule(dir, `require ${tool.module} ${tool.version}\n`);
  const tags = tool.tags === undefined ? [] : ['-tags', tool.tags];
  const output = path.join(binDir, tool.name);
  await goBuild(
    dir,
    [...tags, '-ldflags', '-s -w', '-o', output],
    [path.join(tool.module, tool.folder)],
  );
}

/** A module of our own around the tool: "go install" would refuse modules with replacements. */
export function writeModule(dir: string, body: string): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    path.join(dir, 'go.mod'),
    `module stillpoint.dev/lab\n\ngo ${goVersionMin}\n\n${body}`,
  );
}

/**
 * "-mod=mod" lets go complete the module file from the versions the tool asks for. "go mod tidy"
 * would do it too, but fetches the dependencies of everybody's tests on the way.
 */
export async function goBuild(
  dir: string,
  flags: readonly string[],
  packages: readonly string[],
): Promise<void> {
  mkdirSync(binDir, { recursive: true });
  await run('go', ['build', '-mod=mod', ...flags, ...packages], {
    cwd: dir,
    env: { ...process.env, GOFLAGS: '-buildvcs=false -trimpath', GOWORK: 'off' },
  });
}
