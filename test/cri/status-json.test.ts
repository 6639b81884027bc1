import { describe, expect, it } from '@jest/globals';
import { statusJson } from '../../src/cri/status-json.ts';

describe('a container status as Go writes it', () => {
  it('keeps nanoseconds, enums as numbers, and leaves out what is empty', () => {
    const status = {
      id: 'a',
      metadata: { name: 'app', attempt: 0 },
      state: 1,
      created_at: '1795532947683067132',
      finished_at: '0',
      reason: '',
      labels: { 'z.io/b': '2', 'a.io/a': '' },
      annotations: {},
      mounts: [
        { container_path: '/data', readonly: true, propagation: 0, uidMappings: [] },
        { container_path: '/x', readonly: false, gidMappings: [{ host_id: 0, length: 5 }] },
      ],
      resources: {
        linux: {
          cpu_shares: '2',
          memory_limit_in_bytes: '0',
          unified: { 'memory.oom.group': '1' },
        },
      },
      user: { linux: { uid: '0', supplemental_groups: ['0', '9007199254740993'] } },
      stop_signal: 23,
    };
    expect(JSON.stringify(statusJson(status))).toBe(
      '{"id":"a","metadata":{"name":"app"},"state":1,"created_at":1795532947683067132,' +
        '"labels":{"a.io/a":"","z.io/b":"2"},' +
        '"mounts":[{"container_path":"/data","readonly":true},' +
        '{"container_path":"/x","gidMappings":[{"length":5}]}],' +
        '"resources":{"linux":{"cpu_shares":2,"unified":{"memory.oom.group":"1"}}},' +
        '"user":{"linux":{"supplemental_groups":[0,9007199254740993]}},"stop_signal":23}',
    );
  });
});
