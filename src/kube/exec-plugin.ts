import { spawn } from 'node:child_process';
import { type Clock, messageOf, StillpointError } from '../base/index.ts';

/** `users[].user.exec` of a kubeconfig, its command made absolute where it holds a slash. */
export interface ExecPlugin {
  apiVersion?: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** What a plugin gives (client.authentication.k8s.io ExecCredential.status). */
export interface ExecCredential {
  token?: string;
  cert?: string;
  key?: string;
  /** Wall clock, ms; absent = as long as the server accepts it. */
  expiresAtMs?: number;
}

/** How long a plugin may take. */
const PLUGIN_MS_MAX = 60_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;

/**
 * Runs a plugin once. It gets no stdin and a process group of its own, which is killed when it
 * takes longer than a minute: one that waits for a person must not pile up. Errors:
 * `unauthorized` (it failed or printed no credential), `timeout`.
 */
export async function runExecPlugin(
  plugin: ExecPlugin,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<ExecCredential> {
  const output = await run(plugin, env, clock);
  try {
    const { status } = JSON.parse(output) as { status?: Record<string, unknown> };
    const text = (key: string) => (typeof status?.[key] === 'string' ? status[key] : undefined);
    const token = text('token')?.trim();
    const cert = text('clientCertificateData');
    if (!token && !cert) throw new Error('status has neither token nor clientCertificateData');
    const expiresAtMs = Date.parse(text('expirationTimestamp') ?? '');
    return {
      token,
      cert,
      key: text('clientKeyData'),
      expiresAtMs: Number.isNaN(expiresAtMs) ? undefined : expiresAtMs,
    };
  } catch (cause) {
    throw refused(plugin, `printed no ExecCredential: ${messageOf(cause)}`, cause);
  }
}

function run(
  { apiVersion, command, args, env: given }: ExecPlugin,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<string> {
  const info = { kind: 'ExecCredential', apiVersion, spec: { interactive: false } };
  const child = spawn(command, args, {
    env: { ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info), ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const done = Promise.withResolvers<string>();
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] = (said[name] + text).slice(0, OUTPUT_BYTES_MAX);
    });
  }
  const cancel = clock.after(PLUGIN_MS_MAX, () => {
    killGroup(child.pid);
    // Whatever escaped the group may still hold the pipes: they are ours to let go.
    child.stdout.destroy();
    child.stderr.destroy();
    const message = `credential plugin ${command}: no answer after ${PLUGIN_MS_MAX / 1000} s`;
    done.reject(new StillpointError({ code: 'timeout', message }));
  });
  child.on('error', (cause) => done.reject(refused({ command }, messageOf(cause), cause)));
  child.on('close', (code, signal) => {
    if (code === 0) done.resolve(said.stdout);
    else done.reject(refused({ command }, `ended with ${code ?? signal}: ${said.stderr.trim()}`));
  });
  return done.promise.finally(cancel);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: it ended in this very moment, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function refused({ command }: { command: string }, why: string, cause?: unknown): StillpointError {
  const message = `credential plugin ${command} ${why}`;
  const hint = 'Run the plugin by hand, sign in if it asks for that, and try again.';
  return new StillpointError({ code: 'unauthorized', message, hint, cause });
}
