import { runAttached } from '../base/run.ts';
import { readLabInfo } from '../lab-info.ts';
import { labEnvironment } from '../layout.ts';

export async function runKubectl(args: readonly string[]): Promise<number> {
  const lab = readLabInfo();
  const command = [`--net=${lab.netns.path}`, `${lab.binDir}/kubectl`, ...args];
  return runAttached('nsenter', command, {
    env: { ...labEnvironment(), KUBECONFIG: lab.kubeconfig },
  });
}
