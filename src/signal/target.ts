/** One container of one pod in one life. The currency of everything after the rules. */
export interface Target {
  namespace: string;
  pod: string;
  podUid: string;
  container: string;
  /** 64 hex digits, without the runtime's scheme. A new life has a new id. */
  containerId: string;
}

/** `shop/cart-7d9f/app`, for people and for logs. */
export function describeTarget(target: Pick<Target, 'namespace' | 'pod' | 'container'>): string {
  return `${target.namespace}/${target.pod}/${target.container}`;
}

/** `containerd://<id>` → `<id>`; undefined when the text holds no 64-hex-digit id. */
export function parseContainerId(text: string | undefined): string | undefined {
  const match = /^(?:[a-z0-9-]+:\/\/)?([0-9a-f]{64})$/.exec(text ?? '');
  return match?.[1];
}
