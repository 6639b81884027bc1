import type { AlertTargetHints } from '../../signal/index.ts';
import { type FieldMap, hintsByMap } from './field-map.ts';
import {
  type AlertParser,
  badShape,
  isObject,
  leftOutOf,
  notJson,
  parseJson,
  toSignal,
} from './parse.ts';
import { nameOf } from './values.ts';

/** More alerts of one body are left out; Alertmanager's `max_alerts` bounds what it sends. */
const ALERTS_MAX = 256;

interface Alert extends Record<string, unknown> {
  labels: Record<string, unknown>;
}

/**
 * The body of Alertmanager's webhook (notify/webhook, version 4; Grafana sends the same): one
 * signal for each entry of `alerts`, firing and resolved, with the receiver and the key of its
 * group. The rules take only firing ones unless they ask for others. What the group has in common
 * stands in each alert too, and is not repeated.
 */
export const parseAlertmanagerBody: AlertParser = ({ data }, arrival) => {
  const parsed = parseJson(data);
  if (parsed === undefined) return notJson;
  const body = parsed.value;
  if (!isObject(body) || !Array.isArray(body.alerts)) {
    return badShape('no body of Alertmanager: alerts (a list) is missing');
  }
  const { receiver, groupKey, externalURL } = body;
  const alerts = body.alerts.slice(0, ALERTS_MAX);
  const good = alerts.filter(isAlert);
  if (good.length === 0 && alerts.length > 0) {
    return badShape('no alerts of Alertmanager: labels (an object) are missing');
  }
  const signals = good.map(({ status, labels, annotations, startsAt, fingerprint, ...rest }) => {
    const known = { status, labels, annotations, startsAt, fingerprint };
    const reading = {
      payload: { ...known, receiver, groupKey, externalURL, ...rest },
      hints: hintsOf(labels),
      title: labels.alertname,
      severity: labels.severity,
      time: startsAt,
      id: idOf(fingerprint, startsAt),
    };
    return toSignal('alertmanager', reading, arrival);
  });
  const leftOut = leftOutOf({
    bad: alerts.length - good.length,
    over: body.alerts.length - alerts.length,
    max: ALERTS_MAX,
  });
  return { kind: 'alerts', signals, leftOut };
};

function isAlert(value: unknown): value is Alert {
  return isObject(value) && isObject(value.labels);
}

/** The fingerprint is that of the labels: the same alert firing again later is another one. */
function idOf(fingerprint: unknown, startsAt: unknown): string | undefined {
  if (typeof fingerprint !== 'string' || typeof startsAt !== 'string') return undefined;
  return `${fingerprint}:${Date.parse(startsAt)}`;
}

/** Labels of kube-state-metrics, cAdvisor, Prometheus' own discovery and OpenTelemetry. */
const LABELS: FieldMap = {
  containerId: ['container_id'],
  podUid: ['pod_uid', 'k8s_pod_uid'],
  namespace: ['namespace', 'kubernetes_namespace', 'k8s_namespace_name'],
  pod: ['pod', 'pod_name', 'kubernetes_pod_name', 'k8s_pod_name'],
  container: ['container', 'container_name', 'k8s_container_name'],
  node: ['node', 'kubernetes_node', 'k8s_node_name'],
};

/**
 * Where the labels of the metric and those of the scraped pod are called alike, Prometheus sets
 * `exported_` before the metric's: `pod` is then only the exporter, and is left alone altogether.
 */
const EXPORTED_LABELS: FieldMap = {
  ...LABELS,
  namespace: 'exported_namespace',
  pod: 'exported_pod',
  container: 'exported_container',
  node: ['exported_node', 'node'],
};

/** A uid of kube-state-metrics is that of a pod, other `uid` labels may have any form. */
const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function hintsOf(labels: Record<string, unknown>): AlertTargetHints {
  const isExported = nameOf(labels.exported_pod) !== undefined;
  const { container, ...hints } = hintsByMap(labels, isExported ? EXPORTED_LABELS : LABELS);
  const { id, uid } = labels;
  // cAdvisor's `id` is the path of the cgroup; of another form it may be the id of anything.
  const ofCgroup = typeof id === 'string' && id.startsWith('/') ? { containerId: 'id' } : {};
  const ofPod = typeof uid === 'string' && UID.test(uid) ? { podUid: 'uid' } : {};
  return {
    ...hintsByMap(labels, { ...ofCgroup, ...ofPod }),
    ...hints,
    // cAdvisor's name for the sandbox.
    ...(container === undefined || container === 'POD' ? {} : { container }),
  };
}
