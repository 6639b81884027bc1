import { join } from 'node:path';
import type { AgentStatus, CaptureProgress, CaptureRequestBody } from '../../agent/index.ts';
import { type ArchiveReport, verifyArchive } from '../../archive/index.ts';
import { StillpointError } from '../../base/index.ts';
import type { BackendName } from '../../signal/index.ts';

/** The calls of the agent's socket. */
export interface AgentCalls {
  json<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T>;
  lines(method: 'POST', path: string, body: unknown): AsyncIterable<unknown>;
}

/** How a capture ended. */
export type CaptureEnd = Exclude<CaptureProgress, { kind: 'accepted' | 'capturing' | 'verifying' }>;

export interface CanaryTarget {
  namespace: string;
  pod: string;
  container: string;
}

/** The agent of this node, as far as a canary needs it. Errors: those of the socket. */
export interface CanaryAgent {
  /** Those that could be used now. */
  backends(): Promise<readonly BackendName[]>;
  capture(target: CanaryTarget, via: BackendName): Promise<CaptureEnd>;
  verify(archive: string): Promise<ArchiveReport>;
  /** Only the archive of a canary; the agent looks at that itself. */
  remove(archive: string): Promise<void>;
}

export function createCanaryAgent(calls: AgentCalls, checkpointsDir: string): CanaryAgent {
  return {
    async backends() {
      const { backends } = await calls.json<AgentStatus>('GET', '/v1/status');
      return backends.filter(({ state }) => state !== 'absent').map(({ name }) => name);
    },
    async capture(target, via) {
      const by = 'stillpoint doctor --canary';
      const body: CaptureRequestBody = { ...target, via, by, evenInObserve: true };
      for await (const line of calls.lines('POST', '/v1/captures', body)) {
        const progress = line as CaptureProgress;
        if (isEnd(progress)) return progress;
      }
      const message = 'the agent ended before the capture of the canary did';
      throw new StillpointError({ code: 'unreachable', message });
    },
    verify: (archive) => verifyArchive(join(checkpointsDir, archive)),
    async remove(archive) {
      await calls.json('POST', '/v1/canary-archives/remove', { archive });
    },
  };
}

function isEnd(line: CaptureProgress): line is CaptureEnd {
  return line.kind !== 'accepted' && line.kind !== 'capturing' && line.kind !== 'verifying';
}
