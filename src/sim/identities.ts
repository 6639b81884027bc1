import { createHash, timingSafeEqual } from 'node:crypto';

/** Who asks, what for. Empty name and namespace: the whole resource. */
export interface Attributes {
  verb: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
}

/** Somebody with a bearer token. */
export interface Identity {
  user: string;
  token: string;
  may: (attributes: Attributes) => boolean;
}

/** The rights that the agent's service account has: these and no more. */
const AGENT_RIGHTS: readonly [verbs: readonly string[], resource: string, subresource?: string][] =
  [
    [['get', 'list', 'watch'], 'pods'],
    [['list', 'watch', 'create', 'patch'], 'events'],
    [['get'], 'nodes'],
    [['get'], 'replicasets'],
    [['get'], 'jobs'],
    [['get'], 'nodes', 'metrics'],
    [['get'], 'nodes', 'configz'],
    [['create'], 'nodes', 'checkpoint'],
  ];

/** Whether the agent's service account may; nodes/proxy and secrets are never among it. */
export function agentMay({ verb, resource, subresource }: Attributes): boolean {
  return AGENT_RIGHTS.some(
    ([verbs, ofResource, ofSubresource]) =>
      verbs.includes(verb) && ofResource === resource && ofSubresource === subresource,
  );
}

/** Those whom the simulated API server and kubelet know. */
export class Identities {
  readonly #known: Identity[] = [];

  add(identity: Identity): Identity {
    this.#known.push(identity);
    return identity;
  }

  /** Takes the token back: the next request with it is not authorised (401). */
  remove(token: string): void {
    const at = this.#known.findIndex((identity) => identity.token === token);
    if (at >= 0) this.#known.splice(at, 1);
  }

  /** The identity behind an `Authorization: Bearer …` header. */
  find(authorization: string | undefined): Identity | undefined {
    const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    return this.#known.find((identity) => equal(identity.token, token));
  }
}

function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
