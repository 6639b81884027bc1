import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DoctorReport, Line } from '../../../src/doctor/index.ts';
import { run } from '../../cli/rig.ts';
import { repositoryRoot } from '../../structure/source-tree.ts';
import {
  type Cure,
  containerPid,
  fillCheckpointsDisk,
  getPod,
  giveOldCriu,
  hideRuntimeSocket,
  inLab,
  kubectl,
  labInfo,
  makeCheckpointsReadOnly,
  nodeOf,
  serveForeignCertificate,
  setKubeletGate,
  takeCriuAway,
  waitFor,
} from '../lib/index.ts';
import { agentPodOn, forgetAgents, install, installedIn } from '../rig/index.ts';

const lab = labInfo();
const node = nodeOf(lab);
let cure: Cure | undefined;

/** A kubelet that has just started lets nobody into its pods yet. */
function lookOnceThereIsAWayIn(...more: string[]) {
  return waitFor('a way into the pod', async () => {
    const seen = await look(...more);
    const line = seen.of('pod');
    if (line) throw new Error(line.what);
    return seen;
  });
}

/** `stillpoint doctor --node`, as its users run it: outside, with kubectl and their kubeconfig. */
async function look(...more: string[]) {
  const path = process.env.PATH;
  process.env.PATH = [lab.binDir, path].join(delimiter);
  try {
    const argv = ['--node', node.name, '--kubeconfig', lab.kubeconfig, '-o', 'json', ...more];
    const ran = await run('doctor', ...argv);
    const report = JSON.parse(ran.out) as DoctorReport;
    return { ...ran, report, of: lineIn(report) };
  } finally {
    process.env.PATH = path;
  }
}

/** As docs/doctor.md tells it: into the pod by the agent's process, with its environment. */
async function lookFromTheNode(): Promise<DoctorReport> {
  const pod = await getPod(await agentPodOn(node), installedIn);
  const id = pod.status.containerStatuses?.[0]?.containerID?.split('://')[1] ?? '';
  const pid = await containerPid(node, id);
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  const env = Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s)));
  const argv = ['--target', String(pid), '--all', 'stillpoint', 'doctor', '-o', 'json'];
  const { stdout } = await inLab('nsenter', argv, { env, allowFailure: true });
  return JSON.parse(stdout) as DoctorReport;
}

function lineIn({ lines }: DoctorReport): (check: string) => Line | undefined {
  return (check) => lines.find((line) => line.check === check);
}

const failing = ({ lines }: DoctorReport) => lines.filter(({ state }) => state === 'fail');

beforeAll(async () => {
  await forgetAgents();
  await install();
});
afterEach(async () => {
  await cure?.();
  cure = undefined;
});

describe('doctor, in the agent’s pod on a real node', () => {
  it('finds nothing that fails where all is right, and says that CRIU is not proven', async () => {
    const { code, report, of } = await lookOnceThereIsAWayIn();
    expect(failing(report)).toEqual([]);
    expect(code).toBe(0);
    expect(of('api-server')?.what).toContain('system:serviceaccount:stillpoint:stillpoint-agent');
    expect(of('criu')).toMatchObject({ state: 'warn', code: 'not-proven' });
    expect(of('verdict')).toMatchObject({ state: 'warn', code: 'not-proven' });
  });

  it('proves it with a canary, through both backends, though the agent only observes', async () => {
    const { code, report, of } = await look('--canary');
    expect(failing(report)).toEqual([]);
    expect(code).toBe(0);
    expect(of('canary-cri')).toMatchObject({ state: 'ok', code: 'captured' });
    expect(of('canary-kubelet')).toMatchObject({ state: 'ok', code: 'captured' });
    expect(of('verdict')).toMatchObject({ state: 'ok' });
    const left = await kubectl(['get', 'pods', '-n', installedIn, '-o', 'name']);
    expect(left).not.toContain('canary');
    const files = readdirSync(node.checkpointsDir).filter((name) => name.endsWith('.tar'));
    expect(files).toEqual([]);
  });

  it('takes the pod of its canary away when it is stopped in the middle', async () => {
    const env = { ...process.env, PATH: [lab.binDir, process.env.PATH].join(delimiter) };
    const main = join(repositoryRoot, 'src/cli/main.ts');
    const argv = ['doctor', '--canary', '--node', node.name, '--kubeconfig', lab.kubeconfig];
    const doctor = spawn(process.execPath, [main, ...argv], { env, stdio: 'ignore' });
    const ended = once(doctor, 'close');
    const canaries = async () =>
      (await kubectl(['get', 'pods', '-n', installedIn, '-o', 'name']))
        .split('\n')
        .filter((name) => name.includes('canary'));
    await waitFor('its pod', async () => (await canaries()).length > 0, { everyMs: 50 });
    doctor.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(await canaries()).toEqual([]);
  });

  it.each<[string, () => Promise<Cure> | Cure, string, object]>([
    [
      'it has no CRIU',
      () => takeCriuAway(node),
      'criu',
      { state: 'fail', code: 'criu-missing', next: expect.stringContaining('install CRIU') },
    ],
    [
      'its kubelet has the feature gate off',
      () => setKubeletGate(node, 'ContainerCheckpoint', false),
      'kubelet',
      {
        state: 'fail',
        code: 'gate-off',
        next: expect.stringContaining('ContainerCheckpoint: true'),
      },
    ],
    [
      'its runtime has no socket',
      () => hideRuntimeSocket(node),
      'runtime',
      { state: 'fail', code: 'socket-missing' },
    ],
    [
      'its checkpoints directory is read-only',
      () => makeCheckpointsReadOnly(node),
      'checkpoints-directory',
      { state: 'fail', code: 'read-only' },
    ],
    [
      'its disk is full',
      () => fillCheckpointsDisk(node),
      'checkpoints-directory',
      { state: 'fail', code: 'disk-full' },
    ],
  ])('names the cause when %s', async (_, breakIt, check, expected) => {
    cure = await breakIt();
    const { code, of } = await lookOnceThereIsAWayIn();
    expect(of(check)).toMatchObject(expected);
    expect(code).toBe(1);
  });

  it('names a foreign certificate from the node itself: no exec gets past it', async () => {
    cure = await serveForeignCertificate(node);
    expect((await look()).of('pod')).toMatchObject({ state: 'fail', code: 'tls-untrusted' });
    const of = lineIn(await lookFromTheNode());
    expect(of('kubelet-certificate')).toMatchObject({
      state: 'fail',
      code: 'wrong-ca',
      next: expect.stringContaining('kubelet.tls.ca'),
    });
    expect(of('kubelet')).toMatchObject({ state: 'fail', code: 'tls-untrusted' });
    expect(of('criu')?.state).not.toBe('fail');
  });

  it('names an old CRIU, which has the right version and cannot dump, by its canary', async () => {
    cure = await giveOldCriu(node);
    const { code, of } = await look('--canary');
    expect(of('canary-cri')).toMatchObject({ state: 'fail', code: 'criu-too-old' });
    expect(of('verdict')).toMatchObject({ state: 'fail', code: 'cannot-capture' });
    expect(code).toBe(1);
  });

  it('names the missing rules when rights were taken away', async () => {
    const names = ['stillpoint-agent', 'stillpoint-agent-kubelet-checkpoint'];
    await kubectl(['delete', 'clusterrolebinding', ...names]);
    cure = async () => void (await install());
    const { code, report } = await look();
    const rights = report.lines.filter((line) => line.check === 'rights');
    const rules = rights.map(({ next }) => next);
    expect(rules).toContainEqual(expect.stringContaining('["pods"], verbs: ["watch"]'));
    expect(rules).toContainEqual(
      expect.stringContaining('["nodes/checkpoint"], verbs: ["create"]'),
    );
    expect(code).toBe(1);
  });
});
