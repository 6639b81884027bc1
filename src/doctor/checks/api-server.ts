import { isStillpointError } from '../../base/index.ts';
import { type Peek, peekServer, subjectsOf } from '../../kube/index.ts';
import { type Answer, answerOf, defineCheck, type Trouble } from '../check.ts';
import { type Finding, fail, ok, warn } from '../line.ts';
import type { Outside } from '../outside.ts';
import { expiryFinding } from './certificate.ts';

export interface ApiServerFacts {
  identity: Answer<{ server: string; source: string; ca: readonly string[] }>;
  /** Undefined when there is no identity to ask with. */
  version?: Answer<string>;
  /** Who we are to it; undefined where it does not tell (before 1.28). */
  user?: string;
  /** Undefined when it could not be looked at. */
  peek?: Peek;
  nowMs: number;
}

/** Whether the API server is there, is the right one, and knows us. */
export const apiServerCheck = defineCheck('api-server', askApiServer, judgeApiServer);

async function askApiServer(outside: Outside, signal: AbortSignal): Promise<ApiServerFacts> {
  const { clock } = outside;
  const identity = await answerOf(describeIdentity(outside));
  if (!identity.ok) return { identity, nowMs: clock.wallMs() };
  const { server, pem } = identity.value;
  const api = await outside.api();
  const [version, user, peek] = await Promise.all([
    answerOf(api.json<{ gitVersion?: string }>({ method: 'GET', path: '/version' }, signal)),
    askUser(outside, signal),
    answerOf(peekServer(server, { ca: pem }, clock, signal)),
  ]);
  return {
    identity,
    version: version.ok ? { ok: true, value: version.value.gitVersion ?? 'unknown' } : version,
    user,
    peek: peek.ok ? peek.value : undefined,
    nowMs: clock.wallMs(),
  };
}

async function describeIdentity(outside: Outside) {
  const identity = await outside.identity();
  const { tls } = await identity.credentials();
  const ca = subjectsOf(tls.ca ?? '');
  return { server: identity.server, source: identity.source, ca, pem: tls.ca };
}

async function askUser(outside: Outside, signal: AbortSignal): Promise<string | undefined> {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  try {
    const api = await outside.api();
    const reply = await api.json<SelfSubjectReview>({ method: 'POST', path, body }, signal);
    return reply.status?.userInfo?.username;
  } catch (error) {
    // Only a name for people: what is wrong with the server is told by the question beside it.
    if (isStillpointError(error)) return undefined;
    throw error;
  }
}

interface SelfSubjectReview {
  status?: { userInfo?: { username?: string } };
}

export function judgeApiServer(facts: ApiServerFacts): Finding[] {
  const { identity, version, user, peek, nowMs } = facts;
  if (!identity.ok) {
    const { message } = identity.error;
    const next = 'Run it in the pod of the agent, or name a kubeconfig with --kubeconfig.';
    return [fail('no-identity', message, next)];
  }
  const { server, source } = identity.value;
  if (!version?.ok) return version ? [judgeTrouble(version.error, identity.value, peek)] : [];
  const who = user === undefined ? `as ${source}` : `as ${user}`;
  const expiry = peek?.certificate && expiryFinding('the API server', peek.certificate, nowMs);
  if (expiry) return [expiry];
  return [ok(`${server}, ${version.value}, ${who}`)];
}

function judgeTrouble(
  { code, message, hint }: Trouble,
  { server, source, ca }: { server: string; source: string; ca: readonly string[] },
  peek: Peek | undefined,
): Finding {
  switch (code) {
    case 'tls-untrusted': {
      const issuer = peek?.certificate ? `, issued by ${peek.certificate.issuer}` : '';
      const names = ca.length > 0 ? ca.join('; ') : 'that of no file';
      const what = `${server}: its certificate${issuer}, is not proved by the CA (${names})`;
      const next =
        source === 'in-cluster'
          ? `Is ${server} the API server of this cluster? Its CA is that of the service account.`
          : 'Put the CA of the cluster into the kubeconfig (certificate-authority).';
      return fail('wrong-ca', what, next);
    }
    case 'unauthorized':
      return fail('unauthorized', message, 'Renew the token or client certificate.');
    case 'forbidden':
      return warn('forbidden', message, hint);
    case 'unreachable':
    case 'timeout': {
      const next = 'Check the address, the network policy and the API server itself.';
      return fail('unreachable', message, next);
    }
    default:
      return fail(code, message, hint);
  }
}
