import { labInfo } from '../../lab/lib/index.ts';
import type { Settings } from '../../lab/rig/installed.ts';
import { ruleText } from '../../lab/rig/rules.ts';

/** On the node, and at the same place in the agent's pod. */
export const alertsTokenFile = '/run/stillpoint/alerts-token';
export const alertsToken = 'only-of-this-bench';

/** Only these pods are the schedule's: the idle phase is to have no captures. */
export const scheduled = { soak: 'schedule' };

const documents = [
  ruleText({
    name: 'oom-nearing',
    when: '{ memory: { above: 85% } }',
    capture: '{ freeze: { max: 10s } }',
    retainClass: 'crash',
  }),
  ruleText({
    name: 'liveness-failing',
    when: '{ event: { reason: Unhealthy, message: { re2: "^Liveness probe failed" } } }',
    cooldown: '5m',
    retainClass: 'crash',
  }),
  ruleText({
    name: 'crash-loop',
    when: '{ crashLoop: { restarts: 2, within: 10m, capture: { after: 1s } } }',
    cooldown: '5m',
    retainClass: 'crash',
  }),
  ruleText({
    name: 'falco-critical',
    when: '{ alert: { shape: falco, match: [ { field: priority, severityAtLeast: Critical } ] } }',
    cooldown: '10m',
    retainClass: 'forensic',
  }),
  ruleText({
    name: 'each-minute',
    when: '{ schedule: { cron: "* * * * *", timeZone: UTC } }',
    labels: scheduled,
    cooldown: '0s',
    retainClass: 'scheduled',
  }),
  // Over all pods, since each leak is of a pod of its own: the disk is not to fill up.
  policyText({ name: 'crashes', classes: 'crash', groupBy: '[namespace, container]', last: 5 }),
  policyText({ name: 'alerts', classes: 'forensic', groupBy: '[namespace, container]', last: 10 }),
  policyText({
    name: 'newest-three',
    classes: 'scheduled',
    groupBy: '[namespace, pod, container]',
    last: 3,
  }),
];

interface Policy {
  name: string;
  classes: string;
  groupBy: string;
  last: number;
}

function policyText({ name, classes, groupBy, last }: Policy): string {
  return `
apiVersion: stillpoint.dev/v1alpha1
kind: RetentionPolicy
metadata: { name: ${name} }
spec:
  select: { classes: [${classes}] }
  groupBy: ${groupBy}
  keep: { last: ${last} }
`;
}

/** Rules of every kind on every pod that opted in, and room for all that the load asks for. */
export function soakSettings(): Settings {
  return {
    rules: documents.join('---\n'),
    config: {
      mode: 'enforce',
      nats: { servers: [labInfo().nats.url] },
      http: { alertsTokenFile },
      limits: { capturesPerHour: 600 },
    },
  };
}
