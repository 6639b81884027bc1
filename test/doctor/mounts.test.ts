import { describe, expect, it } from '@jest/globals';
import { whereIs } from '../../src/doctor/mounts.ts';

const CHECKPOINTS = '/var/lib/kubelet/checkpoints';
const root = '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw';

describe('where a path lies', () => {
  it.each<[string, string[], object | undefined]>([
    ['on the root', [root], { point: '/', device: '254:0', inside: CHECKPOINTS, readOnly: false }],
    [
      'on a disk of its own',
      [root, '30 22 254:16 / /var/lib/kubelet rw - xfs /dev/vdb rw'],
      { device: '254:16', inside: '/checkpoints' },
    ],
    [
      'in a pod, on the directory of the node',
      [
        '9 8 0:50 / / ro,relatime - overlay overlay rw,lowerdir=/a',
        `10 9 254:0 ${CHECKPOINTS} ${CHECKPOINTS} rw,relatime master:1 - ext4 /dev/vda rw`,
      ],
      { device: '254:0', inside: CHECKPOINTS, readOnly: false },
    ],
    [
      'below a mount that was made read-only later on',
      [root, `31 22 254:0 ${CHECKPOINTS} ${CHECKPOINTS} ro,relatime - ext4 /dev/vda rw`],
      { readOnly: true },
    ],
    [
      'on a file system that the kernel made read-only',
      ['22 1 254:0 / / rw,relatime - ext4 /dev/vda ro,errors=remount-ro'],
      { readOnly: true },
    ],
    [
      'on the last of several mounts',
      [
        root,
        `40 22 0:60 / ${CHECKPOINTS} rw - tmpfs tmpfs rw`,
        `41 40 0:61 / ${CHECKPOINTS} rw - tmpfs tmpfs rw`,
      ],
      { device: '0:61', inside: '/' },
    ],
    [
      'beside a mount whose name only begins the same',
      [root, '42 22 0:70 / /var/lib/kube rw - tmpfs tmpfs rw'],
      { device: '254:0' },
    ],
    ['nowhere', ['', 'rubbish'], undefined],
  ])('%s', (_, lines, expected) => {
    const found = whereIs(lines.join('\n'), CHECKPOINTS);
    if (expected) expect(found).toMatchObject(expected);
    else expect(found).toBeUndefined();
  });

  it('reads names with blanks', () => {
    const line = '9 8 0:5 / /a\\040b rw - tmpfs tmpfs rw';
    expect(whereIs(line, '/a b/c')).toMatchObject({ point: '/a b', inside: '/c' });
  });
});
