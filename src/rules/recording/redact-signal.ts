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

/** Annotations hold whole manifests (kubectl.kubernetes.io/last-applied-configuration). */
export function redactText(
  annotations: Readonly<Record<string, string>>,
  redactor: Redactor,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [name, redactor.field(name, value)]),
  );
}
