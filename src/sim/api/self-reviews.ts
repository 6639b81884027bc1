import type { Identity } from '../identities.ts';

/** What any identity may ask about itself, by path; the body is that of a real API server. */
const REVIEWS: Readonly<Record<string, (identity: Identity, spec: ReviewSpec) => object>> = {
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': ({ may }, spec) => {
    const {
      verb = '',
      resource = '',
      subresource,
      namespace,
      name,
    } = spec.resourceAttributes ?? {};
    return { allowed: may({ verb, resource, subresource, namespace, name }) };
  },
  '/apis/authentication.k8s.io/v1/selfsubjectreviews': ({ user }) => ({
    userInfo: { username: user },
  }),
};

interface ReviewSpec {
  resourceAttributes?: {
    verb?: string;
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
}

/** The answer to a review; undefined when the path is none. */
export function reviewOf(
  path: string,
  identity: Identity,
  body: Record<string, unknown>,
): object | undefined {
  const answer = REVIEWS[path];
  if (!answer) return undefined;
  return { ...body, status: answer(identity, (body.spec ?? {}) as ReviewSpec) };
}

export function isReview(path: string): boolean {
  return Object.hasOwn(REVIEWS, path);
}
