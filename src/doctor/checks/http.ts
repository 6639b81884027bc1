import { connect } from 'node:net';
import { answerOf, defineCheck } from '../check.ts';
import { type Finding, fail, ok, skipped, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

export interface HttpFacts {
  port: number;
  /** Something accepts connections there. */
  taken: boolean;
  /** The agent answers on its socket, so the port should be its own. */
  agentRuns: boolean;
}

/** Whether the port of /healthz, /metrics and /alerts is free for the agent, or is the agent's. */
export const httpCheck = defineCheck('http', askHttp, judgeHttp);

async function askHttp({ config, agentStatus }: Outside, signal: AbortSignal): Promise<HttpFacts> {
  const { address, port } = config.http;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  const [taken, status] = await Promise.all([
    port === 0 ? false : accepts(host, port, signal),
    answerOf(agentStatus()),
  ]);
  return { port, taken, agentRuns: status.ok };
}

function accepts(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    // Refused, or no such address: whatever it is, nobody answers there.
    socket.once('error', () => end(false));
    signal.addEventListener('abort', () => end(false), { once: true });
  });
}

export function judgeHttp({ port, taken, agentRuns }: HttpFacts): Finding[] {
  if (port === 0) return [skipped('any-port', 'http.port is 0: any free port is taken')];
  if (agentRuns && taken) return [ok(`port ${port} is answered`)];
  if (agentRuns) {
    const what = `the agent runs, but nobody answers on port ${port}: no probes, no metrics`;
    return [warn('silent', what, 'See the log of the agent.')];
  }
  if (taken) {
    const what = `port ${port} is taken by another program, so that the agent cannot start`;
    return [fail('port-taken', what, 'Set http.port to a free one, in the DaemonSet too.')];
  }
  return [ok(`port ${port} is free`)];
}
