import type { RuntimeSettings } from '../../cri/index.ts';
import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';
import { findRuntimeProcess, readEnvironment } from '../processes.ts';

export interface RuntimeConfigFacts {
  settings: Answer<RuntimeSettings>;
  /** runtime.root and runtime.tmp of ours. */
  root: string;
  tmp: string;
  /** Where the runtime's process puts temporary files; undefined when it cannot be seen. */
  runtimeTmp?: string;
}

/** Whether the disks that are guarded are those that the runtime writes to. */
export const runtimeConfigCheck = defineCheck(
  'runtime-config',
  async ({ config, runtime }: Outside): Promise<RuntimeConfigFacts> => {
    const { socket, root, tmp } = config.runtime;
    const pid = findRuntimeProcess(config.procRoot, socket);
    const env = pid === undefined ? undefined : readEnvironment(config.procRoot, pid);
    // As os.TempDir does it, behind what containerd asks first.
    const runtimeTmp = env && (env.XDG_RUNTIME_DIR || env.TMPDIR || '/tmp');
    return { settings: await answerOf(runtime.settings()), root, tmp, runtimeTmp };
  },
  judgeRuntimeConfig,
);

export function judgeRuntimeConfig(facts: RuntimeConfigFacts): Finding[] {
  const { settings, root, tmp, runtimeTmp } = facts;
  if (!settings.ok) return [skipped('runtime-silent', settings.error.message)];
  const { rootDir, unmet } = settings.value;
  const findings = unmet.map((condition) =>
    warn('not-ready', condition, 'See the log of the runtime on the node.'),
  );
  if (rootDir !== undefined && rootDir !== root) {
    const what = `the runtime stores in ${rootDir}, runtime.root is ${root}: another disk is guarded`;
    findings.push(warn('other-root', what, `Set runtime.root to ${rootDir}; in a pod, mount it.`));
  }
  if (runtimeTmp !== undefined && runtimeTmp !== tmp) {
    const what = `the runtime's TMPDIR is ${runtimeTmp}, runtime.tmp is ${tmp}: another disk is guarded`;
    findings.push(warn('other-tmp', what, `Set runtime.tmp to ${runtimeTmp}; in a pod, mount it.`));
  }
  if (findings.length > 0) return findings;
  const told = rootDir === undefined ? 'it does not tell where it stores' : `stores in ${rootDir}`;
  return [ok(told)];
}
