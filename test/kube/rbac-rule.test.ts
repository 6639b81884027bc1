import { describe, expect, it } from '@jest/globals';
import { rbacRuleFor } from '../../src/kube/rbac-rule.ts';

describe('the RBAC rule of a request', () => {
  it.each([
    ['GET', '/api/v1/pods?limit=5', '', 'pods', 'list'],
    ['GET', '/api/v1/events?watch=true&limit=5', '', 'events', 'watch'],
    ['GET', '/api/v1/nodes/n1', '', 'nodes', 'get'],
    ['POST', '/api/v1/namespaces/shop/events', '', 'events', 'create'],
    ['GET', '/apis/apps/v1/namespaces/shop/replicasets/cart-7d', 'apps', 'replicasets', 'get'],
    ['POST', '/api/v1/nodes/n1/proxy/checkpoint/a/b/c', '', 'nodes/proxy', 'create'],
    ['GET', '/api/v1/namespaces/shop', '', 'namespaces', 'get'],
    ['PATCH', '/apis/events.k8s.io/v1/namespaces/a/events/e', 'events.k8s.io', 'events', 'patch'],
  ])('%s %s', (method, path, group, resource, verb) => {
    const rule = `apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]`;
    expect(rbacRuleFor(method, path)).toBe(rule);
  });
});
