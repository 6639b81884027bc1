/** An alert as falcosidekick publishes it to NATS and posts it to a webhook; fields as Falco names them. */
export function falcoAlert(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    uuid: '0e3b1b5e-6a9f-4b51-9a3e-6f1a5f3a0001',
    output:
      '10:00:00.929908828: Critical A shell was spawned in a container (container_id=45dd76eff80f)',
    priority: 'Critical',
    rule: 'Terminal shell in container',
    time: '2026-01-01T10:00:00.929908828Z',
    output_fields: {
      'container.id': '45dd76eff80f',
      'container.image.repository': 'docker.io/library/cart',
      'container.name': 'app',
      'k8s.ns.name': null,
      'k8s.pod.name': 'cart-7d9f',
      'proc.cmdline': 'sh -i',
      'proc.tty': 34816,
    },
    source: 'syscall',
    tags: ['T1059', 'container', 'shell'],
    hostname: 'node-a',
    ...changes,
  };
}

/** The same as bytes. */
export function falcoBody(changes: Record<string, unknown> = {}): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(falcoAlert(changes)));
}
