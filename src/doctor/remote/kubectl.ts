import { execFile } from 'node:child_process';
import { messageOf, nodeCodeOf, StillpointError } from '../../base/index.ts';

export interface KubectlOptions {
  kubeconfig?: string;
  context?: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** What a command in the pod ended with. */
export interface KubectlResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * `kubectl exec` of one command in a pod: it knows every way in (proxies, plugins, SPDY and
 * WebSocket), and is what people use. Resolves with any exit code of the command. Errors:
 * `unsupported` (no kubectl), `cancelled`, `too-large`.
 */
export function execInPod(
  pod: { namespace: string; name: string },
  command: readonly string[],
  { kubeconfig, context, env }: KubectlOptions,
  signal: AbortSignal,
): Promise<KubectlResult> {
  const args = [
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
    ...(context === undefined ? [] : [`--context=${context}`]),
    ...['exec', '-n', pod.namespace, pod.name, '--', ...command],
  ];
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, signal, maxBuffer: OUTPUT_BYTES_MAX };
    execFile('kubectl', args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === 'number') resolve({ exitCode, stdout, stderr });
      else reject(fromKubectl(error, signal));
    });
  });
}

/** The edge: what the operating system says of kubectl becomes ours here. */
function fromKubectl(error: unknown, signal: AbortSignal): StillpointError {
  if (signal.aborted) {
    return new StillpointError({ code: 'cancelled', message: 'kubectl: given up', cause: error });
  }
  const code = nodeCodeOf(error);
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    const message = `kubectl printed more than ${OUTPUT_BYTES_MAX} bytes`;
    return new StillpointError({ code: 'too-large', message, cause: error });
  }
  return new StillpointError({
    code: 'unsupported',
    message: `kubectl cannot be run: ${messageOf(error)}`,
    hint: 'Install kubectl, or run `stillpoint doctor` on the node itself.',
    cause: error,
  });
}
