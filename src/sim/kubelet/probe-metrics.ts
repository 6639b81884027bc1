import type { NodeModel } from '../model/index.ts';

/** GET /metrics/probes, as far as the model has probes: liveness. */
export function probeMetrics(model: NodeModel): string {
  const lines = [
    '# HELP prober_probe_total [ALPHA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
    '# TYPE prober_probe_total counter',
  ];
  for (const pod of model.pods()) {
    for (const { spec, probeResults } of pod.containers) {
      if (!spec.liveness) continue;
      for (const [result, count] of Object.entries(probeResults)) {
        // The kubelet shows a result from its first time on.
        if (count === 0) continue;
        const labels = {
          container: spec.name,
          namespace: pod.namespace,
          pod: pod.name,
          pod_uid: pod.uid,
          probe_type: 'Liveness',
          result,
        };
        const shown = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
        lines.push(`prober_probe_total{${shown.join(',')}} ${count}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}
