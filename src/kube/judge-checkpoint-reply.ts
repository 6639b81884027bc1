import type { CheckpointTarget, KubeletReply } from './kubelet-client.ts';

/** What every answer of the checkpoint endpoint can mean. The codes are stable. */
export const checkpointRefusals = {
  unauthorized: 'the kubelet does not accept our identity',
  forbidden: 'our identity lacks the right to checkpoint',
  'pod-unknown': 'the kubelet does not know the pod',
  'container-unknown': 'the pod has no container of that name',
  'bad-timeout': 'the kubelet cannot read the timeout that was asked for',
  'negative-timeout': 'the timeout that was asked for is below zero',
  'endpoint-off':
    'the kubelet has no checkpoint endpoint: feature gate ContainerCheckpoint or ' +
    'enableDebuggingHandlers is off',
  'method-not-allowed': 'the kubelet takes no POST there',
  'not-acceptable': 'the kubelet cannot answer in the asked form',
  'not-running': 'the container does not run',
  'runtime-unsupported': 'the runtime cannot checkpoint',
  'runtime-timeout': 'the runtime did not finish within the deadline; it may still go on',
  'runtime-cancelled': 'the call to the runtime was cancelled; it may still go on',
  'runtime-error': 'the runtime could not checkpoint the container',
  'kubelet-error': 'the kubelet failed before it reached the runtime',
  'authorization-unavailable': 'the kubelet cannot reach the API server to check our right',
  'node-unknown': 'the API server does not know the node',
  'kubelet-unreachable': 'the API server cannot reach the kubelet',
  'bad-answer': 'the answer is none that the endpoint gives',
} as const;

/** The name of a refusal; see checkpointRefusals. */
export type CheckpointRefusal = keyof typeof checkpointRefusals;

/** The runtime's own words inside the kubelet's answer. */
export interface RpcWords {
  /** The gRPC code as Go prints it: `Unknown`, `DeadlineExceeded`, `Unimplemented`. */
  code: string;
  text: string;
}

/** What the kubelet's reply means. */
export type CheckpointVerdict =
  | { kind: 'done'; archivePath: string }
  | {
      kind: 'refused';
      code: CheckpointRefusal;
      /** The meaning, and the other side's words cut to 4 KiB. */
      message: string;
      /** What to do, where the reply itself tells: the missing RBAC rule. */
      hint?: string;
      rpc?: RpcWords;
    };

const WORDS_MAX = 4_096;

/**
 * Judges the reply to POST /checkpoint by status and by the kubelet's fixed texts (kubernetes
 * pkg/kubelet/server/server.go, auth.go; go-restful). Pure; every reply has exactly one meaning.
 */
export function judgeCheckpointReply(
  reply: KubeletReply,
  target: CheckpointTarget,
): CheckpointVerdict {
  const status = readStatus(reply.body);
  const words = status?.message ?? reply.body.trim();
  switch (reply.status) {
    case 200:
      return judgeSuccess(reply.body);
    case 401:
      return refused('unauthorized', words);
    case 403:
      return judgeForbidden(words);
    case 404:
      return refused(judgeNotFound(words, target, status !== undefined), words);
    case 405:
      return refused('method-not-allowed', words);
    case 406:
      return refused('not-acceptable', words);
    case 500:
      return judgeFailure(words, target, status !== undefined);
    case 502:
    case 503:
    case 504:
      return refused('kubelet-unreachable', words);
    default:
      return refused('bad-answer', `${reply.status} ${words}`);
  }
}

/** `{"items":["/var/lib/kubelet/checkpoints/checkpoint-….tar"]}`, exactly one path. */
function judgeSuccess(body: string): CheckpointVerdict {
  let items: unknown;
  try {
    items = (JSON.parse(body) as { items?: unknown } | null)?.items;
  } catch {
    return refused('bad-answer', `200 without JSON: ${body}`);
  }
  const [path, ...more] = Array.isArray(items) ? items : [];
  if (typeof path !== 'string' || more.length > 0) {
    return refused('bad-answer', `200 with other than one item: ${body}`);
  }
  // It is opened as root later on: nothing but a plain absolute path of an archive will do.
  const isPlain = /^\/[^\0\n]*\.tar$/.test(path) && !path.split('/').includes('..');
  if (!isPlain) return refused('bad-answer', `200 with a path that is no absolute .tar: ${path}`);
  return { kind: 'done', archivePath: path };
}

function judgeForbidden(words: string): CheckpointVerdict {
  const resource = words.includes('nodes/proxy') ? 'nodes/proxy' : 'nodes/checkpoint';
  const user = /user=([^,)]+)/.exec(words)?.[1] ?? /User "([^"]+)"/.exec(words)?.[1];
  const whom = user ?? 'the identity of the agent';
  const rule = `apiGroups: [""], resources: ["${resource}"], verbs: ["create"]`;
  return refused('forbidden', words, `Grant to ${whom}: ${rule}`);
}

function judgeNotFound(
  words: string,
  { container }: CheckpointTarget,
  isStatus: boolean,
): CheckpointRefusal {
  // Only the API server answers in Status objects: its proxy found no such node.
  if (isStatus) return 'node-unknown';
  if (words === 'pod does not exist') return 'pod-unknown';
  if (words === `container ${container} does not exist`) return 'container-unknown';
  if (words === 'cannot parse value of timeout parameter') return 'bad-timeout';
  return 'endpoint-off';
}

function judgeFailure(
  words: string,
  { namespace, pod, container }: CheckpointTarget,
  isStatus: boolean,
): CheckpointVerdict {
  if (words.startsWith('Authorization error (')) return refused('authorization-unavailable', words);
  const prefix = `checkpointing of ${namespace}/${pod}/${container} failed (`;
  if (!words.startsWith(prefix)) {
    return refused(isStatus ? 'kubelet-unreachable' : 'kubelet-error', words);
  }
  // A cut body has lost the closing bracket.
  const inner = words.slice(prefix.length).replace(/\)$/, '');
  if (inner === `container ${container} not found`) return refused('not-running', words);
  if (inner.startsWith('CheckpointContainer requires the timeout value')) {
    return refused('negative-timeout', words);
  }
  const rpc = /^rpc error: code = (\w+) desc = ([\s\S]*)$/.exec(inner);
  if (!rpc) return refused('kubelet-error', words);
  const spoken = { code: rpc[1] ?? '', text: cut(rpc[2] ?? '') };
  return { ...refused(codeOfRpc(spoken.code), words), rpc: spoken };
}

function codeOfRpc(code: string): CheckpointRefusal {
  switch (code) {
    case 'Unimplemented':
      return 'runtime-unsupported';
    case 'DeadlineExceeded':
      return 'runtime-timeout';
    case 'Canceled':
      return 'runtime-cancelled';
    default:
      return 'runtime-error';
  }
}

function readStatus(body: string): { message: string } | undefined {
  try {
    const status = JSON.parse(body) as { kind?: unknown; message?: unknown } | null;
    return status?.kind === 'Status' ? { message: String(status.message ?? '') } : undefined;
  } catch {
    // The kubelet answers in plain text; only the API server's proxy speaks JSON.
    return undefined;
  }
}

function refused(
  code: CheckpointRefusal,
  words: string,
  hint?: string,
): CheckpointVerdict & { kind: 'refused' } {
  const said = cut(words);
  const message = `${checkpointRefusals[code]}${said === '' ? '' : `: ${said}`}`;
  return { kind: 'refused', code, message, hint };
}

function cut(words: string): string {
  return words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX)}…` : words;
}
