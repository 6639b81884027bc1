import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { verifyArchive } from '../../src/archive/index.ts';
import type { CheckpointFault, SimPodSpec } from '../../src/sim/index.ts';
import { TarWriter } from '../../src/sim/tar-writer.ts';
import { useTempDirs } from '../support/temp-dir.ts';
import { advanceUntil, MIB, useSims } from './rig.ts';

const POD: SimPodSpec = {
  namespace: 'shop',
  name: 'cart-7d9f',
  containers: [
    {
      name: 'app',
      memoryLimitBytes: 256 * MIB,
      memoryBytes: 100 * MIB,
      command: ['/bin/cart', '--port', '8080'],
      env: { TEAM: 'payments' },
    },
  ],
};

const startSim = useSims();

async function takeArchive(fault?: CheckpointFault) {
  const rig = await startSim();
  rig.sim.scenario.addPod(POD);
  const { life, pod } = rig.sim.scenario.running({ namespace: 'shop', pod: POD.name });
  const { containerId } = life;
  if (fault) rig.sim.faults.set(fault);
  const path = join(rig.sim.info.checkpointsDir, 'checkpoint-cart-7d9f_shop-app-x.tar');
  const never = new AbortController().signal;
  const reply = rig.runtime.checkpoint({ containerId, location: path, timeoutMs: 1_000 }, never);
  await rig.sim.happenings.first('checkpoint-received');
  await advanceUntil(rig.clock, reply);
  return { path, containerId, podUid: pod.uid, directory: rig.sim.info.checkpointsDir };
}

describe('an archive of the sim', () => {
  it('is complete for our verifier, which reads its identity out of it', async () => {
    const { path, containerId, podUid } = await takeArchive();
    const { verification } = await verifyArchive(path);
    expect(verification).toMatchObject({
      kind: 'complete',
      facts: {
        processes: 1,
        metadata: {
          engine: 'containerd',
          namespace: 'shop',
          pod: 'cart-7d9f',
          podUid,
          container: 'app',
          containerId,
        },
      },
    });
  });

  it('holds one page of sixteen, and says so consistently', async () => {
    const { path } = await takeArchive();
    const { verification } = await verifyArchive(path);
    const facts = verification.kind === 'complete' ? verification.facts : undefined;
    expect(facts?.pagesBytes).toBe((100 * MIB) / 16 + 2 * 4096);
    expect(facts?.stats?.pagesWritten).toBe((facts?.pagesBytes ?? 0) / 4096);
  });

  it.each<[string, CheckpointFault, string]>([
    [
      'members are missing',
      { kind: 'missingMembers', members: ['config.dump', 'checkpoint/pstree.img'] },
      'member-missing',
    ],
    ['its end is missing', { kind: 'truncated', at: 0.5 }, 'truncated'],
  ])('is broken for our verifier when %s', async (_name, fault) => {
    const { path } = await takeArchive(fault);
    const { verification } = await verifyArchive(path);
    expect(verification.kind).toBe('broken');
  });
});

const CHECKPOINTCTL = process.env.CHECKPOINTCTL ?? '/opt/stillpoint-lab/bin/checkpointctl';
const hasTool = existsSync(CHECKPOINTCTL);
const why = hasTool ? '' : ` (skipped: no ${CHECKPOINTCTL}; the lab builds it)`;
const describeTool = hasTool ? describe : describe.skip;

describeTool(`checkpointctl reads an archive of the sim${why}`, () => {
  /** stdout; stderr and exit code must be clean. */
  function run(...args: string[]): string {
    const out = execFileSync(CHECKPOINTCTL, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return out.toString('utf8');
  }

  it('with list, show and inspect --all, without an error line', async () => {
    const { path, directory } = await takeArchive();
    const list = run('list', directory);
    expect(list).toMatch(/shop +cart-7d9f +app +containerd/);
    expect(list).not.toMatch(/error/i);
    expect(run('show', path)).toMatch(/io\.containerd\.runc\.v2 +2026-01-01T00:00:00Z +containerd/);
    const tree = run('inspect', '--all', path);
    expect(tree).not.toMatch(/error|unknown/i);
    for (const words of [
      'Pages written: 1602',
      'Pod name: cart-7d9f',
      '/bin/cart --port 8080',
      'TEAM=payments',
      '[REG 0]  /dev/null',
      'Destination: /proc',
    ]) {
      expect(tree).toContain(words);
    }
  });

  it('and finds text in its memory', async () => {
    const { path } = await takeArchive();
    const found = run('memparse', '--pid', '1', '--search', 'simulated memory of shop', path);
    expect(found).toContain('simulated memory of shop');
  });
});

describe('the tar writer', () => {
  const tempDir = useTempDirs();

  it('keeps names over 100 bytes and sizes, as another tar reads them', async () => {
    const path = join(tempDir(), 'out.tar');
    const long = `deep/${'n'.repeat(180)}.img`;
    const file = await open(path, 'w');
    const tar = new TarWriter(file);
    const member = { mode: 0o600, modifiedMs: Date.UTC(2026, 0, 1) };
    await tar.addDirectory({ ...member, name: 'deep/', mode: 0o700 });
    await tar.add({ ...member, name: long }, Buffer.from('hello'));
    const pieces = [{ offset: 10, content: Buffer.from('x') }];
    await tar.addSparse({ ...member, name: 'sparse', size: 3 * MIB + 7 }, pieces);
    await tar.end();
    await file.close();
    const listed = execFileSync('tar', ['-tf', path]).toString('utf8');
    expect(listed.trim().split('\n')).toEqual(['deep/', long, 'sparse']);
    const extract = (name: string) =>
      execFileSync('tar', ['-xOf', path, name], { maxBuffer: 8 * MIB });
    expect(extract(long).toString()).toBe('hello');
    const sparse = extract('sparse');
    expect([sparse.length, sparse.subarray(9, 12)]).toEqual([3 * MIB + 7, Buffer.from('\0x\0')]);
  });
});
