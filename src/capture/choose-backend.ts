import type { BackendChoice, BackendName } from '../signal/index.ts';
import type { Availability, Backend } from './backend.ts';

/** The backend for one capture and why, or why there is none. */
export type BackendDecision =
  | { kind: 'chosen'; backend: Backend; reason: string }
  | { kind: 'none'; detail: string };

/** Best first: cri needs no API server and no RBAC, and lets us choose the archive's name. */
const ORDER: readonly BackendName[] = ['cri', 'kubelet'];

/**
 * Takes the backend that the rule names, else the first of ORDER that is available, else the first
 * that is doubtful. A named one that is absent is not replaced: whoever names it has a reason.
 */
export async function chooseBackend(
  choice: BackendChoice,
  backends: readonly Backend[],
): Promise<BackendDecision> {
  const wanted = choice === 'auto' ? ORDER : [choice];
  const passed: string[] = [];
  let doubtful: { backend: Backend; reason: string } | undefined;
  for (const name of wanted) {
    const backend = backends.find((candidate) => candidate.name === name);
    const state: Availability = backend
      ? await backend.availability()
      : { kind: 'absent', why: 'not configured' };
    const reason = reasonOf(choice, name, state.why, passed);
    if (backend && state.kind === 'available') return { kind: 'chosen', backend, reason };
    if (backend && state.kind === 'doubtful') doubtful ??= { backend, reason };
    passed.push(`${name}: ${state.why}`);
  }
  if (doubtful) return { kind: 'chosen', ...doubtful };
  return { kind: 'none', detail: passed.join('; ') };
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
