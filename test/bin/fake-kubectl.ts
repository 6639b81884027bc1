import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../structure/source-tree.ts';

/** One agent as `kubectl get pods` would tell of it. */
export interface FakeAgent {
  node: string;
  pod: string;
  phase?: string;
  deleting?: boolean;
  /** Why its container does not run. */
  waiting?: string;
}

/** What a command in an agent's pod prints and ends with. */
export interface FakeAnswer {
  out?: string;
  err?: string;
  code?: number;
}

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/**
 * A kubectl that knows a few agents and pods, and answers an exec from a file. Each call is kept,
 * one argument a line, so that tests see word for word what the cluster would have been asked.
 */
const script = `#!/bin/sh
{ echo "KUBECONFIG=\${KUBECONFIG-}"; printf '%s\\n' "$@"; echo; } >> "$FAKE/calls"
case "$1" in --context=*) shift ;; esac
verb=$1
pod=''
case "$verb:$*" in
  create:*) cat > "$FAKE/created" ;;
  delete:*) echo "$*" >> "$FAKE/deleted" ;;
  wait:*) exit "$(cat "$FAKE/wait" 2>/dev/null || echo 0)" ;;
  get:"get pods"*)
    if [ -e "$FAKE/get-fails" ]; then cat "$FAKE/get-fails" >&2; exit 1; fi
    cat "$FAKE/agents" ;;
  get:*nodeName*)
    if [ -e "$FAKE/node-of-$5" ]; then cat "$FAKE/node-of-$5"; exit 0; fi
    echo "Error from server (NotFound): pods \\"$5\\" not found" >&2; exit 1 ;;
  get:*image*) printf 'stillpoint.dev/stillpoint:0.1.0' ;;
  get:*) printf '{"waiting":{"reason":"ErrImagePull"}}' ;;
  exec:*)
    pod=$4
    shift 7
    [ "$1" = /usr/bin/node ] && { shift; command=$NODE; } || command=''
    if [ -n "$command" ]; then "$command" "$@"; code=$?
      [ ! -e "$FAKE/cut" ] || exit 0
      exit $code
    fi
    for answer in "$FAKE/$pod.$2-\${3-}" "$FAKE/$pod"; do
      if [ -d "$answer" ]; then cat "$answer/out"; cat "$answer/err" >&2; exit "$(cat "$answer/code")"; fi
    done ;;
esac
`;

export class FakeCluster {
  readonly home = mkdtempSync(join(tmpdir(), 'stillpoint-kubectl-'));
  readonly #env: NodeJS.ProcessEnv;

  constructor() {
    const bin = this.at('bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'kubectl'), script);
    chmodSync(join(bin, 'kubectl'), 0o755);
    this.#env = {
      PATH: `${bin}:${process.env.PATH}`,
      FAKE: this.home,
      NODE: process.execPath,
      STILLPOINT_CHECKPOINTS_DIR: this.at('checkpoints'),
    };
  }

  at(name: string): string {
    return join(this.home, name);
  }

  agents(...agents: readonly FakeAgent[]): void {
    const lines = agents.map(({ node, pod, phase = 'Running', deleting, waiting = '' }) => {
      const startedAt = phase === 'Running' && !waiting ? '2026-01-01T00:00:00Z' : '';
      const deletedAt = deleting ? '2026-01-01T00:00:00Z' : '';
      return [node, pod, phase, deletedAt, startedAt, waiting].join('\t');
    });
    writeFileSync(this.at('agents'), lines.map((line) => `${line}\n`).join(''));
  }

  /** What an agent's pod answers, to every command or to one (`archives-list`). */
  answers(pod: string, { out = '', err = '', code = 0 }: FakeAnswer, command?: string): void {
    const directory = this.at(command === undefined ? pod : `${pod}.${command}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'out'), out);
    writeFileSync(join(directory, 'err'), err);
    writeFileSync(join(directory, 'code'), String(code));
  }

  write(name: string, text: string): void {
    writeFileSync(this.at(name), text);
  }

  read(name: string): string {
    return existsSync(this.at(name)) ? readFileSync(this.at(name), 'utf8') : '';
  }

  /** The words of each exec, after the pod and the `--`. */
  execs(): { pod: string; words: string[]; before: string[] }[] {
    return this.calls()
      .filter((call) => call.includes('exec'))
      .map((call) => {
        const at = call.indexOf('exec');
        return { before: call.slice(0, at), pod: call[at + 3] ?? '', words: call.slice(at + 7) };
      });
  }

  /** Every call: KUBECONFIG first, then its arguments. */
  calls(): string[][] {
    const calls = this.read('calls').split('\n\n').slice(0, -1);
    return calls.map((call) => call.split('\n'));
  }

  async plugin(...args: readonly string[]): Promise<Ran> {
    const path = join(repositoryRoot, 'bin/kubectl-stillpoint');
    const child = spawn(path, args, { cwd: this.home, env: this.#env });
    const ran: Ran = { code: 0, out: '', err: '' };
    child.stdout.on('data', (part) => {
      ran.out += part;
    });
    child.stderr.on('data', (part) => {
      ran.err += part;
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    return { ...ran, code: code ?? -1 };
  }

  remove(): void {
    rmSync(this.home, { recursive: true });
  }
}
