import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  deletePod,
  labInfo,
  nodeOf,
  podLogs,
  startWorkPod,
  useNewCriu,
  waitFor,
} from '../lib/index.ts';
import { emptyCheckpoints, type PathAgent, pathLabels, startPathAgent } from '../rig/index.ts';

/*
 * What a client of a container sees of its capture. The kernel of the lab wants a CRIU of 4.2 or
 * newer for any container with a TCP socket.
 */

const node = nodeOf(labInfo());
const script = join(import.meta.dirname, '../rig/tcp-client.ts');
/** What a busy machine of two cores adds to any of these times. */
const SLACK = { ms: 150, share: 0.25 };
/**
 * CRIU lets no packet through to a connection while it dumps it. One that is being opened then is
 * tried again by TCP after a second, when it knows no better yet (RFC 6298, section 2.1).
 */
const RETRY_MS = 1_000;
const PORT = 7000;

let agent: PathAgent;
let directory: string;
let forget: () => void = () => undefined;
let client: ChildProcess | undefined;

beforeAll(async () => {
  emptyCheckpoints(node);
  directory = mkdtempSync(join(tmpdir(), 'stillpoint-criu-'));
  forget = useNewCriu(node);
  agent = await startPathAgent({ more: 'options: { tcpEstablished: true }' });
});
afterEach(async () => {
  client?.kill('SIGKILL');
  await deletePod('server');
});
afterAll(async () => {
  await agent?.stop();
  forget();
  rmSync(directory, { recursive: true });
});

interface Told {
  answered: number;
  gaps: { ms: number; atUnixMs: number }[];
  broken: string[];
}

/** A server, which a client asks already. */
async function startBoth(): Promise<{ id: string; lines: Interface }> {
  // A connection that comes while the container stands still is in nobody's hands yet: CRIU
  // refuses such a dump unless its configuration says otherwise, and runc has no option for it.
  const config = join(directory, 'criu.conf');
  writeFileSync(config, 'skip-in-flight\n');
  const { id, pod } = await startWorkPod({
    name: 'server',
    labels: pathLabels,
    annotations: { 'org.criu.config': config },
    // Some memory, so that the stop is longer than what a busy machine does to anybody.
    command: ['sh', '-c', `hog 2000 150 0 >/dev/null & exec answer ${PORT} --gaps`],
  });
  await waitFor('the server', async () => (await podLogs('server')).includes('listening'));
  const address = pod.status.podIP ?? '';
  const child = spawn(process.execPath, [script, address, String(PORT)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  client = child;
  const lines = createInterface({ input: child.stdout });
  await new Promise((resolve) => lines.once('line', resolve));
  return { id, lines };
}

async function endOf(lines: Interface): Promise<{ kept: Told; fresh: Told }> {
  const line = new Promise<string>((resolve) => lines.once('line', resolve));
  client?.kill('SIGTERM');
  return JSON.parse(await line);
}

describe.each(['containerd-calm', 'containerd-race'] as const)('a capture by %s', (path) => {
  it('is one short wait for whoever is connected, and for whoever comes', async () => {
    const { id, lines } = await startBoth();
    const outcome = await agent.capture(path, id);
    if (outcome.kind !== 'archived') throw new Error(JSON.stringify(outcome));
    const { timings, dump } = outcome.record;
    expect(`containerd-${dump?.sequence}`).toBe(path);
    const stopMs = dump?.stoodStillMs ?? timings.criuFrozenMs ?? Number.NaN;
    const { kept, fresh } = await endOf(lines);
    process.stdout.write(
      `${path}: recorded ${stopMs.toFixed(0)} ms; ${JSON.stringify({ kept, fresh })}\n`,
    );
    expect([...kept.broken, ...fresh.broken]).toEqual([]);
    expect(Math.min(kept.answered, fresh.answered)).toBeGreaterThan(20);
    const long = ({ gaps }: Told) => gaps.map(({ ms }) => ms).filter((ms) => ms > SLACK.ms);
    const allowedMs = stopMs * (1 + SLACK.share) + SLACK.ms;
    expect(long(kept).length).toBeLessThanOrEqual(1);
    expect(Math.max(0, ...long(kept))).toBeLessThanOrEqual(allowedMs);
    expect(long(fresh).length).toBeLessThanOrEqual(1);
    expect(Math.max(0, ...long(fresh))).toBeLessThanOrEqual(allowedMs + RETRY_MS);
  });
});
