import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

/** One right of the agent, as RBAC names it, and what stands still without it. */
export interface Right {
  group: string;
  resource: string;
  subresource?: string;
  verb: string;
  without: string;
  /** Captures still work without it. */
  optional?: boolean;
}

/** What the agent really asks for; deploy/base/rights.yaml grants these. */
export const agentRights: readonly Right[] = [
  right('nodes', 'get', 'the address of the kubelet is not known'),
  {
    ...right('replicasets', 'get', 'what stands behind some ReplicaSets is not known'),
    group: 'apps',
    optional: true,
  },
  {
    ...right('jobs', 'get', 'the CronJob behind a Job is not known'),
    group: 'batch',
    optional: true,
  },
  right('pods', 'list', 'no pod of the node is known, so nothing is captured'),
  right('pods', 'watch', 'no change of a pod is seen, so nothing is captured'),
  right('events', 'list', 'rules on Events and probes see nothing'),
  right('events', 'watch', 'rules on Events and probes see nothing'),
  { ...right('events', 'create', 'no Event tells on the pod what was done'), optional: true },
  { ...right('events', 'patch', 'repeated Events are not counted up'), optional: true },
  {
    ...right('nodes', 'get', 'the eviction thresholds of the kubelet are guessed'),
    subresource: 'configz',
    optional: true,
  },
  {
    ...right('nodes', 'get', 'rules of kind probe see only what Events tell'),
    subresource: 'metrics',
    optional: true,
  },
  {
    ...right('nodes', 'create', 'the kubelet backend cannot be used'),
    subresource: 'checkpoint',
    optional: true,
  },
];

function right(resource: string, verb: string, without: string): Right {
  return { group: '', resource, verb, without };
}

export interface RightsFacts {
  /** For each right, whether the API server says that we have it. */
  asked: readonly { right: Right; allowed: Answer<boolean> }[];
  /** Undefined when there is no identity at all. */
  server?: string;
}

/** Every right, asked for by SelfSubjectAccessReview, which any identity may ask. */
export const rightsCheck = defineCheck('rights', askRights, judgeRights);

async function askRights(outside: Outside, signal: AbortSignal): Promise<RightsFacts> {
  const identity = await answerOf(outside.identity());
  if (!identity.ok) return { asked: [] };
  const asked = await Promise.all(
    agentRights.map(async (one) => ({
      right: one,
      allowed: await answerOf(askRight(outside, one, signal)),
    })),
  );
  return { asked, server: identity.value.server };
}

async function askRight(outside: Outside, right: Right, signal: AbortSignal): Promise<boolean> {
  const { group, resource, subresource, verb } = right;
  const name = resource === 'nodes' ? outside.config.node : undefined;
  const resourceAttributes = { group, resource, subresource, verb, name };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const api = await outside.api();
  const reply = await api.json<AccessReview>({ method: 'POST', path, body }, signal);
  return reply.status?.allowed === true;
}

interface AccessReview {
  status?: { allowed?: boolean };
}

export function judgeRights({ asked, server }: RightsFacts): Finding[] {
  if (server === undefined) return [skipped('no-identity', 'there is no identity to ask for')];
  const unknown = asked.find(({ allowed }) => !allowed.ok)?.allowed;
  if (unknown && !unknown.ok) {
    return [skipped('not-asked', `the API server does not tell: ${unknown.error.message}`)];
  }
  const missing = asked.filter(({ allowed }) => allowed.ok && !allowed.value);
  if (missing.length === 0) return [ok(`all ${asked.length} rights are there`)];
  return missing.map(({ right: one }) => {
    const what = `${one.verb} ${nameOf(one)} is missing: ${one.without}`;
    const next = `Grant to the identity of the agent: ${ruleOf(one)}`;
    return one.optional ? warn('right-missing', what, next) : fail('right-missing', what, next);
  });
}

function nameOf({ resource, subresource }: Right): string {
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}

function ruleOf(one: Right): string {
  return `apiGroups: ["${one.group}"], resources: ["${nameOf(one)}"], verbs: ["${one.verb}"]`;
}
