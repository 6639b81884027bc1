import type { KubeObject, Resource } from './store.ts';

export type Selector = (object: KubeObject) => boolean;

/** Fields that a real API server lets one select on, with the default of an absent one. */
const FIELDS: Record<Resource, readonly string[]> = {
  pods: [
    'metadata.name',
    'metadata.namespace',
    'spec.nodeName',
    'spec.restartPolicy',
    'status.phase',
    'status.podIP',
  ],
  events: [
    'metadata.name',
    'metadata.namespace',
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.fieldPath',
    'reason',
    'type',
  ],
  nodes: ['metadata.name'],
  replicasets: ['metadata.name', 'metadata.namespace'],
  jobs: ['metadata.name', 'metadata.namespace'],
};

/**
 * "spec.nodeName=n1,status.phase!=Failed" → a test of objects; a text when a field cannot be
 * selected on, in the words of an API server.
 */
export function parseFieldSelector(resource: Resource, text: string): Selector | string {
  const tests: Selector[] = [];
  for (const term of text.split(',').filter((part) => part !== '')) {
    const match = /^([\w.]+)(!=|==|=)(.*)$/.exec(term);
    if (!match) return `invalid field selector: '${term}'`;
    const [, field = '', operator, value = ''] = match;
    if (!FIELDS[resource].includes(field)) return `field label not supported: ${field}`;
    const wanted = operator !== '!=';
    tests.push((object) => (valueAt(object, field) === value) === wanted);
  }
  return (object) => tests.every((test) => test(object));
}

function valueAt(object: KubeObject, path: string): string {
  let current: unknown = object;
  for (const key of path.split('.')) {
    if (typeof current !== 'object' || current === null) return '';
    current = (current as Record<string, unknown>)[key];
  }
  return current === undefined || current === null ? '' : String(current);
}
