import { readFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { binDir, modulesDir } from '../layout.ts';
import { versions } from '../versions.ts';
import { goBuild, writeModule } from './go-tools.ts';
import type { Product } from './stamp.ts';

const programs = [
  'kubelet',
  'kube-apiserver',
  'kube-scheduler',
  'kube-controller-manager',
  'kubectl',
] as const;

export const kubernetesProduct: Product = {
  name: 'kubernetes',
  recipe: `k8s.io/kubernetes@${versions.kubernetes} k8s.io/*@${versions.kubernetesLibraries}\n`,
  files: programs.map((name) => path.join(binDir, name)),
  build: buildKubernetes,
};

async function buildKubernetes(): Promise<void> {
  const dir = path.join(modulesDir, 'kubernetes');
  writeModule(dir, '');
  const replaced = (await unreleasedLibraries(dir))
    .map((library) => `\t${library} => ${library} ${versions.kubernetesLibraries}\n`)
    .join('');
  writeModule(dir, `require k8s.io/kubernetes ${versions.kubernetes}\n\nreplace (\n${replaced})\n`);
  const [, major, minor] = versions.kubernetes.match(/^v(\d+)\.(\d+)/) ?? [];
  const version = 'k8s.io/component-base/version';
  const link = [
    '-s -w',
    `-X ${version}.gitVersion=${versions.kubernetes}`,
    `-X ${version}.gitMajor=${major}`,
    `-X ${version}.gitMinor=${minor}`,
  ].join(' ');
  await goBuild(
    dir,
    ['-ldflags', link, '-o', `${binDir}/`],
    programs.map((name) => `k8s.io/kubernetes/cmd/${name}`),
  );
}

/**
 * The libraries that k8s.io/kubernetes asks for at v0.0.0, which nobody publishes: inside its own
 * repository they are folders beside it. Each is replaced by its published version.
 */
async function unreleasedLibraries(dir: string): Promise<string[]> {
  const module = `k8s.io/kubernetes@${versions.kubernetes}`;
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: dir });
  const downloaded: { GoMod?: string } = JSON.parse(stdout);
  if (downloaded.GoMod === undefined) throw new Error(`go knows no go.mod of ${module}`);
  const found = readFileSync(downloaded.GoMod, 'utf8').matchAll(
    /^\s*(?:require\s+)?(k8s\.io\/\S+)\s+v0\.0\.0\s*$/gm,
  );
  return [...new Set([...found].map((match) => match[1] ?? ''))].sort();
}
