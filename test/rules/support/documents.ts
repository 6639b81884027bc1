import { parse } from 'yaml';
import type { RecordedRule } from '../../../src/rules/index.ts';

/** Rule documents, from the `spec` of each written as YAML, as a recording holds them. */
export function documentsOf(specs: Record<string, string>): RecordedRule[] {
  return Object.entries(specs).map(([name, spec]) => ({
    file: 'test.yaml',
    value: {
      apiVersion: 'stillpoint.dev/v1alpha1',
      kind: 'CheckpointRule',
      metadata: { name },
      spec: parse(spec),
    },
  }));
}
