import { labInfo } from '../lib/index.ts';
import { ruleText, type Settings } from '../rig/index.ts';

/** The label by which a pod chooses the one scenario whose rules select it. */
export const scenario = (name: string) => ({ scenario: name });

const memory = (via: string) =>
  ruleText({
    name: `memory-${via}`,
    when: '{ memory: { above: 85% } }',
    labels: scenario(`memory-${via}`),
    capture: `{ via: ${via} }`,
    retainClass: 'crash',
  });

const documents = [
  memory('cri'),
  memory('kubelet'),
  ruleText({
    name: 'crash-loop',
    when: '{ crashLoop: { restarts: 2, within: 10m, capture: { after: 1s } } }',
    labels: scenario('crash-loop'),
  }),
  ruleText({
    name: 'falco-critical',
    when: '{ alert: { shape: falco, match: [ { field: priority, severityAtLeast: Critical } ] } }',
    labels: scenario('alert'),
    retainClass: 'forensic',
  }),
  ruleText({
    name: 'often',
    when: '{ schedule: { cron: "*/4 * * * * *", timeZone: UTC } }',
    labels: scenario('schedule'),
    cooldown: '0s',
    retainClass: 'scheduled',
  }),
  `
apiVersion: stillpoint.dev/v1alpha1
kind: RetentionPolicy
metadata: { name: newest-three }
spec:
  select: { classes: [scheduled] }
  groupBy: [namespace, pod, container]
  keep: { last: 3 }
`,
  ruleText({
    name: 'oom-nearing',
    when: '{ memory: { above: 80% } }',
    labels: scenario('outage'),
  }),
  ruleText({
    name: 'unhealthy',
    when: '{ event: { reason: Unhealthy } }',
    labels: scenario('outage'),
  }),
];

/** One installation for all scenarios: each rule reaches only the pods of its own. */
export function scenarioSettings(): Settings {
  return {
    rules: documents.join('---\n'),
    config: {
      mode: 'enforce',
      nats: { servers: [labInfo().nats.url] },
      limits: { capturesPerHour: 1000 },
    },
  };
}
