import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BuiltImage } from '../../scripts/image/index.ts';
import { repositoryRoot } from '../structure/source-tree.ts';
import {
  apply,
  ctr,
  deletePod,
  getPod,
  kubectl,
  labInfo,
  nodeOf,
  podLogs,
  startPod,
  waitFor,
} from './lib/index.ts';

const run = promisify(execFile);
const node = nodeOf(labInfo());
const pods = { command: 'image-command', idle: 'image-idle' };

/**
 * The image as `npm run image` leaves it. In a process of its own, since jest breaks esbuild, and
 * in the network of whoever started jest here: what is not cached yet must be fetched, and from the
 * lab no way leads out.
 */
async function buildImage(options: readonly string[] = [], env = {}): Promise<BuiltImage> {
  const script = [process.execPath, join(repositoryRoot, 'scripts/image/main.ts')];
  const command = [`--net=/proc/${process.ppid}/ns/net`, ...script, '--output', 'json', ...options];
  const ran = await run('nsenter', command, { env: { ...process.env, ...env } });
  return JSON.parse(ran.stdout);
}

/** Twice from the same sources: somebody may be working on them while this runs. */
async function buildTwice(directory: string): Promise<{ once: BuiltImage; again: BuiltImage }> {
  const env = { TZ: 'Asia/Tokyo', LC_ALL: 'C', TMPDIR: directory };
  for (let tries = 1; ; tries++) {
    const once = await buildImage();
    const again = await buildImage(['--fresh', '--directory', directory], env);
    if (once.recipe === again.recipe || tries === 3) return { once, again };
  }
}

function podOf(name: string, image: string, container: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: node.name,
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'stillpoint',
          image,
          imagePullPolicy: 'Never',
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          ...container,
        },
      ],
    },
  };
}

describe('the image on a real node', () => {
  let image: BuiltImage;
  const inIdlePod = (...command: string[]) => kubectl(['exec', pods.idle, '--', ...command]);

  beforeAll(async () => {
    image = await buildImage();
    await ctr(node, ['images', 'import', image.archive]);
    const idle = { command: ['/usr/bin/node', '-e', 'setInterval(() => undefined, 1000)'] };
    await startPod(podOf(pods.idle, image.reference, idle), pods.idle);
  });

  afterAll(async () => {
    for (const pod of Object.values(pods)) await deletePod(pod);
  });

  it('is imported under its name, with the digest that the build told', async () => {
    const listed = await ctr(node, ['images', 'ls', `name==${image.reference}`]);
    expect(listed).toContain(image.digest);
    expect(listed).toContain('linux/amd64');
  });

  it('runs its entry point: the arguments of a pod are the words of the command', async () => {
    await apply(podOf(pods.command, image.reference, { args: ['version'] }));
    const ended = await waitFor('the command to end', async () => {
      const { status } = await getPod(pods.command);
      return status.containerStatuses?.[0]?.state.terminated;
    });
    expect(ended).toMatchObject({ exitCode: 0, reason: 'Completed' });
    const version = image.reference.split(':')[1];
    expect(await podLogs(pods.command)).toBe(`stillpoint ${version}, node ${process.version}\n`);
  });

  it('has the command for kubectl exec, on a root that cannot be written', async () => {
    expect(await inIdlePod('stillpoint', '--help')).toContain('Usage: stillpoint');
    const checked = await inIdlePod('stillpoint', 'rules', 'check', '/opt/stillpoint/rules');
    expect(checked).toContain('/opt/stillpoint/rules: ok');
  });

  it('knows time zones and whom to trust without files of the system', async () => {
    const script =
      'const at = new Date(0).toLocaleString("en-GB", { timeZone: "Asia/Tokyo" });' +
      'console.log(at, require("node:tls").rootCertificates.length > 100)';
    expect(await inIdlePod('/usr/bin/node', '-e', script)).toBe('01/01/1970, 09:00:00 true\n');
  });

  it.each(['sh', 'bash', 'env', 'tar', 'dpkg'])('has no %s', async (program) => {
    await expect(inIdlePod(program)).rejects.toThrow(/executable file not found|no such file/);
  });

  it('is the same to the byte when it is made again, elsewhere and under other settings', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stillpoint-image-'));
    try {
      const { once, again } = await buildTwice(directory);
      expect(again.archive.startsWith(directory)).toBe(true);
      expect(again.digest).toBe(once.digest);
      expect(readFileSync(again.archive).equals(readFileSync(once.archive))).toBe(true);
      expect(readFileSync(again.sbom, 'utf8')).toBe(readFileSync(once.sbom, 'utf8'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is small', () => {
    expect(image.unpackedBytes).toBeLessThan(180e6);
    expect(image.archiveBytes).toBeLessThan(60e6);
  });
});
