/**
 * The RBAC rule that a request to the API server needs, as people write it into a ClusterRole.
 * Made from the request alone, so that it is right whatever the server's words are.
 */
export function rbacRuleFor(method: string, path: string): string {
  const [address = '', query = ''] = path.split('?', 2);
  const parts = address.split('/').filter((part) => part !== '');
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  const named = parts.slice(parts[0] === 'apis' ? 3 : 2);
  const [resource = '', name, subresource] =
    named[0] === 'namespaces' && named.length > 2 ? named.slice(2) : named;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const verb = verbOf(method, name !== undefined, /(^|&)watch=(true|1)(&|$)/.test(query));
  return `apiGroups: ["${group}"], resources: ["${full}"], verbs: ["${verb}"]`;
}

function verbOf(method: string, isNamed: boolean, isWatch: boolean): string {
  if (method === 'POST') return 'create';
  if (method === 'PATCH') return 'patch';
  if (method === 'DELETE') return 'delete';
  if (isWatch) return 'watch';
  return isNamed ? 'get' : 'list';
}
