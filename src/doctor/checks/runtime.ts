import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeCodeOf } from '../../base/index.ts';
import type { RuntimeVersion } from '../../cri/index.ts';
import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, fail, ok } from '../line.ts';
import type { Outside } from '../outside.ts';

export interface RuntimeFacts {
  socket: string;
  /** What lies at the path of the socket. */
  file: SocketFile;
  version: Answer<RuntimeVersion>;
}

export type SocketFile = 'socket' | 'no-file' | 'no-directory' | 'no-socket' | 'no-right';

/** Whether the container runtime answers on its socket. */
export const runtimeCheck = defineCheck(
  'runtime',
  async ({ config, runtime }: Outside): Promise<RuntimeFacts> => {
    const { socket } = config.runtime;
    const [file, version] = await Promise.all([lookAt(socket), answerOf(runtime.version())]);
    return { socket, file, version };
  },
  judgeRuntime,
);

async function lookAt(socket: string): Promise<SocketFile> {
  try {
    return (await lstat(socket)).isSocket() ? 'socket' : 'no-socket';
  } catch (error) {
    if (nodeCodeOf(error) === 'EACCES') return 'no-right';
    return (await isThere(dirname(socket))) ? 'no-file' : 'no-directory';
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    // Whatever hides it, there is no way through it.
    return false;
  }
}

const otherPlaces =
  '/run/containerd/containerd.sock (containerd), /var/run/crio/crio.sock (CRI-O), ' +
  '/run/k3s/containerd/containerd.sock (k3s, rke2)';

export function judgeRuntime({ socket, file, version }: RuntimeFacts): Finding[] {
  if (version.ok) return [ok(`${version.value.name} ${version.value.version} on ${socket}`)];
  const { code, message } = version.error;
  const name = `Set runtime.socket; usual places are ${otherPlaces}.`;
  switch (file) {
    case 'no-directory': {
      const what = `there is no ${dirname(socket)}, where runtime.socket should be`;
      return [fail('socket-missing', what, `${name} In a pod, mount its directory.`)];
    }
    case 'no-file': {
      const what = `there is no ${socket}: the runtime does not run, or has another socket`;
      return [fail('socket-missing', what, `Start the runtime. ${name}`)];
    }
    case 'no-socket':
      return [fail('no-socket', `${socket} is no socket`, name)];
    case 'no-right': {
      const what = `${socket} may not be opened by this user`;
      return [fail('forbidden', what, 'Run as root; with SELinux, as spc_t.')];
    }
    case 'socket': {
      const next = 'See the log of the runtime on the node; restart it if it hangs.';
      const silent = code === 'unreachable' || code === 'timeout';
      return [fail(silent ? 'runtime-silent' : code, message, next)];
    }
  }
}
