import { inLab } from '../cluster/index.ts';
import { readLabInfo } from '../lab-info.ts';

/** Runs kubectl with all rights, feeds it `input`, and returns what it printed. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const env = { KUBECONFIG: readLabInfo().kubeconfig };
  return (await inLab('kubectl', args, { input, env })).stdout;
}

/** The object as the API server has it now. */
export async function getObject<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...args, '-o', 'json']));
}

/** Applies manifests: YAML text, or objects. */
export async function apply(manifests: string | object): Promise<void> {
  const text = typeof manifests === 'string' ? manifests : JSON.stringify(manifests);
  await kubectl(['apply', '-f', '-'], text);
}
