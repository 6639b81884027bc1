import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { binDir } from '../lab/layout.ts';
import { readText, repositoryRoot } from '../structure/source-tree.ts';

/** A Kubernetes object, as far as these tests look into it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [key: string]: unknown;
}

export interface Mount {
  name: string;
  mountPath: string;
  readOnly?: boolean;
  mountPropagation?: string;
}

export interface Volume {
  name: string;
  hostPath?: { path: string; type?: string };
  configMap?: { name: string };
  secret?: { secretName: string };
}

export interface Container {
  name: string;
  image: string;
  args?: string[];
  restartPolicy?: string;
  env: { name: string; value?: string; valueFrom?: { fieldRef: { fieldPath: string } } }[];
  ports: { name: string; containerPort: number }[];
  securityContext: Record<string, unknown> & { capabilities: { add?: string[]; drop: string[] } };
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  volumeMounts: Mount[];
}

export interface DaemonSet extends Manifest {
  spec: {
    updateStrategy: { rollingUpdate: { maxUnavailable: number } };
    template: {
      spec: Record<string, unknown> & {
        initContainers?: Container[];
        containers: [Container];
        volumes: Volume[];
        terminationGracePeriodSeconds: number;
      };
    };
  };
}

export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

export function manifestsOf(path: string): Manifest[] {
  return manifestsIn(readText(path));
}

/** The one object of that kind and name. */
export function one<T extends Manifest = Manifest>(
  manifests: readonly Manifest[],
  kind: string,
  name?: string,
): T {
  const found = manifests.filter((each) => {
    return each.kind === kind && (name === undefined || each.metadata.name === name);
  });
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name ?? ''}`);
  return found[0] as T;
}

/** The lab's kubectl, or the machine's. */
export const kubectl = [binDir, ...(process.env.PATH ?? '').split(delimiter)]
  .map((directory) => join(directory, 'kubectl'))
  .find((path) => existsSync(path));

/** What `kubectl apply -k` would send. */
export function render(folder: string): Manifest[] {
  if (kubectl === undefined) throw new Error('no kubectl');
  const options = { cwd: repositoryRoot, encoding: 'utf8', maxBuffer: 16_777_216 } as const;
  return manifestsIn(execFileSync(kubectl, ['kustomize', folder], options));
}

/** The same of a kustomization that puts components on top of a folder, as users write it. */
export function renderWith(folder: string, components: readonly string[]): Manifest[] {
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [`../stillpoint/${folder}`],
    components: components.map((name) => `../stillpoint/deploy/components/${name}`),
  };
  return renderOwn(JSON.stringify(kustomization), {});
}

/** The same of a kustomization beside this repository, which it knows as `../stillpoint`. */
export function renderOwn(
  kustomization: string,
  files: Readonly<Record<string, string>>,
): Manifest[] {
  const directory = mkdtempSync(join(tmpdir(), 'sp-deploy-'));
  try {
    const here = relative(directory, repositoryRoot);
    const all = { ...files, 'kustomization.yaml': kustomization.replaceAll('../stillpoint', here) };
    for (const [name, text] of Object.entries(all)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    return render(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The kustomization that deploy/README.md shows. */
export function readmeKustomization(): string {
  const blocks = readText('deploy/README.md').matchAll(/^```yaml\n(.*?)^```/gms);
  const found = [...blocks].flatMap(([, text = '']) => (/^kind: Kust/m.test(text) ? [text] : []));
  if (found.length !== 1) throw new Error(`deploy/README.md shows ${found.length} kustomizations`);
  return found[0] ?? '';
}

/** The folders below, by name. */
export function foldersOf(folder: string): string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
