import { API_VERSION, parseYaml } from '../../src/base/index.ts';
import { type Rule, rulesFromDocuments } from '../../src/rules/index.ts';
import type { ContainerFact, PodFact } from '../../src/signal/index.ts';
import { id, pod, running, START_MS } from '../rules/support/bench.ts';

/** Conditions as people write them; `n` makes each one different. */
const CONDITIONS: readonly ((n: number) => string)[] = [
  (n) => `memory: { above: ${80 + (n % 15)}%, orFullWithin: 300ms, floor: 50% }`,
  (n) =>
    `event: { reason: [BackOff, Reason${n % 20}], message: { re2: "^Liveness .* ${n}$" }, atLeast: 3, within: 5m }`,
  (n) => `crashLoop: { restarts: ${2 + (n % 4)}, within: 30m, capture: { after: 2s } }`,
  (n) =>
    `alert: { shape: falco, match: [ { field: rule, glob: "Rule ${n} *" }, { field: priority, severityAtLeast: Critical } ] }`,
  (n) => `schedule: { cron: "${n % 60} 2 * * *", timeZone: Europe/Berlin }`,
];

/** The text of `count` rules of all kinds, each for the pods of one application. */
export function variedRulesText(count: number): string {
  return Array.from({ length: count }, (_, n) => {
    const condition = CONDITIONS[n % CONDITIONS.length]?.(n) ?? '';
    return ruleText(`rule-${n}`, condition, `app-${n}`);
  }).join('---\n');
}

function ruleText(name: string, condition: string, app: string): string {
  return `apiVersion: ${API_VERSION}
kind: CheckpointRule
metadata:
  name: ${name}
spec:
  description: One of many
  when:
    ${condition}
  target:
    podSelector:
      matchLabels:
        stillpoint.dev/enabled: "true"
        app: ${app}
  limits:
    cooldown: 1h
  retain:
    class: crash
`;
}

/** Rules of one condition, for applications that no pod belongs to. */
export function idleRules(count: number, condition: (n: number) => string): readonly Rule[] {
  const text = Array.from({ length: count }, (_, n) =>
    ruleText(`idle-${n}`, condition(n), `absent-${n}`),
  ).join('---\n');
  return load(text);
}

/** As an agent loads them; throws on a mistake. */
export function load(text: string): readonly Rule[] {
  // More documents than one file may hold are several files.
  const files = text.length > 1_500_000 ? splitInFour(text) : [text];
  return files.flatMap((part, index) => {
    const loaded = rulesFromDocuments(parseYaml(part, `${index}.yaml`), { nowMs: START_MS });
    if (!loaded.ok) throw new Error(loaded.mistakes[0]?.message);
    return loaded.rules;
  });
}

function splitInFour(text: string): string[] {
  const documents = text.split('---\n');
  const share = Math.ceil(documents.length / 4);
  return [0, 1, 2, 3].map((part) =>
    documents.slice(part * share, (part + 1) * share).join('---\n'),
  );
}

/** Pods with two containers each, of as many applications as there are pods. */
export function podsOf(count: number): PodFact[] {
  return Array.from({ length: count }, (_, n) =>
    pod({
      name: `pod-${n}`,
      uid: `uid-${n}`,
      labels: {
        app: `app-${n}`,
        'stillpoint.dev/enabled': 'true',
        'pod-template-hash': '5d9f8c7b6',
      },
      containers: ['app', 'sidecar'].map((name, index) => containerOf(name, n * 2 + index + 1)),
    }),
  );
}

function containerOf(name: string, number: number): ContainerFact {
  const hex = number.toString(16).padStart(12, '0');
  return running(name, { containerId: id(hex), memoryLimitBytes: 268_435_456 });
}
