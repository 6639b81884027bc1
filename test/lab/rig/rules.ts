/** Pods that opted in. */
export const optedIn = { 'stillpoint.dev/enabled': 'true' };

/** Rules of the scenarios, as YAML; `when` and `capture` are given in flow style. */
export function ruleText(rule: {
  name: string;
  when: string;
  capture?: string;
  cooldown?: string;
  retainClass?: string;
  mode?: 'enforce' | 'observe';
  containers?: readonly string[];
  /** Labels that a pod must have besides having opted in. */
  labels?: Record<string, string>;
}): string {
  const names = (rule.containers ?? []).map((name) => `"${name}"`).join(', ');
  // An empty list would be refused: it reaches nothing.
  const containers = names === '' ? '' : `containers: [${names}]`;
  return `
apiVersion: stillpoint.dev/v1alpha1
kind: CheckpointRule
metadata: { name: ${rule.name} }
spec:
  mode: ${rule.mode ?? 'enforce'}
  when: ${rule.when}
  target:
    podSelector: { matchLabels: ${JSON.stringify({ ...optedIn, ...rule.labels })} }
    ${containers}
  capture: ${rule.capture ?? '{}'}
  limits: { cooldown: ${rule.cooldown ?? '10m'} }
  retain: { class: ${rule.retainClass ?? 'default'} }
`;
}
