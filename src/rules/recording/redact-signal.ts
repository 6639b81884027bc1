import type { Signal } from '../../signal/index.ts';
import type { Redactor } from '../redact.ts';

/**
 * A signal without what looks like a secret in it. A condition that looks at such a value may
 * decide otherwise in a replay; the replay says where.
 */
export function redactSignal(signal: Signal, redactor: Redactor): Signal {
  switch (signal.kind) {
    case 'event':
      return { ...signal, message: redactor.text(signal.message) };
    case 'alert': {
      const fields = Object.entries(signal.fields).map(([name, value]) => [
        name,
        redactor.field(name, value),
      ]);
      return { ...signal, fields: Object.fromEntries(fields) };
    }
    case 'podChanged': {
      const annotations = redactText(signal.pod.annotations, redactor);
      return { ...signal, pod: { ...signal.pod, annotations } };
    }
    default:
      return signal;
  }
}

/** By the annotations as they came: the state tells all pods again, and patterns take their time. */
const known = new WeakMap<object, { redactor: Redactor; kept: Readonly<Record<string, string>> }>();

/** Annotations hold whole manifests (kubectl.kubernetes.io/last-applied-configuration). */
export function redactText(
  annotations: Readonly<Record<string, string>>,
  redactor: Redactor,
): Readonly<Record<string, string>> {
  const before = known.get(annotations);
  if (before?.redactor === redactor) return before.kept;
  let isSame = true;
  const entries = Object.entries(annotations).map(([name, value]) => {
    const kept = redactor.field(name, value);
    isSame &&= kept === value;
    return [name, kept] as const;
  });
  const kept = isSame ? annotations : Object.fromEntries(entries);
  known.set(annotations, { redactor, kept });
  return kept;
}
