import type { RuntimeContainerStatus } from '../cri/index.ts';
import type { BackendChoice, BackendName } from '../signal/index.ts';
import type { Availability, Backend } from './backend.ts';

/** The backend for one capture and why, or why there is none. */
export type BackendDecision =
  | { kind: 'chosen'; backend: Backend; reason: string }
  | { kind: 'none'; detail: string };

/**
 * Best first: containerd's own checkpoint holds a container still for a sixth of the time and fills
 * a third of the disk; cri needs no API server and no RBAC, and lets us choose the archive's name.
 */
const ORDER: readonly BackendName[] = ['containerd', 'cri', 'kubelet'];

/**
 * Takes the backend that the rule names, else the first of ORDER that is available and takes the
 * container, else the first that is doubtful. A named one that cannot be used is not replaced:
 * whoever names it has a reason. `container` is left out where the runtime does not know it: that
 * is for the guard to say.
 */
export async function chooseBackend(
  choice: BackendChoice,
  backends: readonly Backend[],
  container?: RuntimeContainerStatus | Promise<RuntimeContainerStatus | undefined>,
): Promise<BackendDecision> {
  const wanted = choice === 'auto' ? ORDER : [choice];
  const passed: string[] = [];
  let doubtful: { backend: Backend; reason: string } | undefined;
  for (const name of wanted) {
    const backend = backends.find((candidate) => candidate.name === name);
    const state = await stateOf(backend, container);
    const reason = reasonOf(choice, name, state.why, passed);
    if (backend && state.kind === 'available') return { kind: 'chosen', backend, reason };
    if (backend && state.kind === 'doubtful') doubtful ??= { backend, reason };
    passed.push(`${name}: ${state.why}`);
  }
  if (doubtful) return { kind: 'chosen', ...doubtful };
  return { kind: 'none', detail: passed.join('; ') };
}

async function stateOf(
  backend: Backend | undefined,
  container: Parameters<typeof chooseBackend>[2],
): Promise<Availability> {
  if (!backend) return { kind: 'absent', why: 'not configured' };
  // The question after the container goes on beside it.
  const [state, seen] = await Promise.all([backend.availability(), container]);
  const objection = seen && backend.objection?.(seen);
  return objection === undefined || state.kind === 'absent'
    ? state
    : { kind: 'absent', why: `the container ${objection}` };
}

function reasonOf(
  choice: BackendChoice,
  name: BackendName,
  why: string,
  passed: readonly string[],
): string {
  if (choice !== 'auto') return `the rule asks for ${name}`;
  return `auto: ${[...passed, `${name}: ${why}`].join('; ')}`;
}
