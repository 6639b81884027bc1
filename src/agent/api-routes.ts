import * as z from 'zod';
import type { Archives } from '../archive/index.ts';
import { type Clock, type Random, StillpointError } from '../base/index.ts';
import { recoveryRow } from '../capture/index.ts';
import type { Dispatcher, Trigger } from '../dispatch/index.ts';
import type { Retention, RetentionReport } from '../retention/index.ts';
import {
  heldBackReasons,
  keepReasons,
  removeReasons,
  type SweepResult,
} from '../retention/index.ts';
import type { ContainerExplanation, ExplainQuery } from '../rules/index.ts';
import { describeTarget, type RequestSignal } from '../signal/index.ts';
import type { ApiHandler, ApiRoutes } from './api-server.ts';
import type {
  AgentStatus,
  CaptureEnd,
  CaptureProgress,
  JoinedCapture,
  PruneItem,
  PruneReply,
} from './api-types.ts';
import { removeCanaryArchive } from './canary-archives.ts';
import type { Fact, Facts } from './facts.ts';
import type { Intake } from './intake.ts';

export interface ApiRoutesOptions {
  intake: Intake;
  dispatcher: Dispatcher;
  archives: Archives;
  retention: Retention;
  facts: Facts;
  clock: Clock;
  random: Random;
  status(): Promise<AgentStatus>;
  explain(query: ExplainQuery): ContainerExplanation[];
}

const captureBody = z.strictObject({
  namespace: z.string().min(1).max(63),
  pod: z.string().min(1).max(253),
  container: z.string().min(1).max(63).optional(),
  via: z.enum(['auto', 'containerd', 'cri', 'kubelet']),
  by: z.string().max(200),
  evenInObserve: z.boolean().optional(),
});

const explainBody = z.strictObject({
  namespace: z.string().min(1).max(63),
  pod: z.string().min(1).max(253),
  container: z.string().min(1).max(63).optional(),
  rule: z.string().min(1).max(320).optional(),
});

const pruneBody = z.strictObject({ dryRun: z.boolean() });
const canaryBody = z.strictObject({ archive: z.string().min(1).max(255) });

/** The calls of the agent's socket. Archives are listed and shown by the CLI from the directory. */
export function createApiRoutes(options: ApiRoutesOptions): ApiRoutes {
  const { dispatcher, retention, status } = options;
  return {
    'GET /v1/status': () => status(),
    'POST /v1/captures': ({ body, send, signal, stopping }) =>
      capture(options, parse(captureBody, body), send, { signal, stopping }),
    'POST /v1/explain': async ({ body }) => options.explain(parse(explainBody, body)),
    'POST /v1/prune': async ({ body, signal }) => {
      const { dryRun } = parse(pruneBody, body);
      return pruneReplyOf(await retention.runOnce('manual', { dryRun, signal }));
    },
    'POST /v1/canary-archives/remove': async ({ body }) => {
      const { archive } = parse(canaryBody, body);
      dispatcher.giveBack(await removeCanaryArchive(options.archives, archive));
      return { removed: true };
    },
    'POST /v1/pause': async () => {
      dispatcher.pause();
      return { paused: true };
    },
    'POST /v1/resume': async () => {
      dispatcher.resume();
      return { paused: false };
    },
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new StillpointError({
    code: 'bad-input',
    message: `request body: ${z.prettifyError(result.error)}`,
  });
}

/** Asks for a capture and tells how it goes until it has ended. */
async function capture(
  { intake, dispatcher, facts, clock, random }: ApiRoutesOptions,
  wish: z.output<typeof captureBody>,
  send: (line: CaptureProgress) => void,
  { signal, stopping }: Pick<Parameters<ApiHandler>[0], 'signal' | 'stopping'>,
): Promise<CaptureEnd> {
  const nowMs = clock.wallMs();
  const requestId = random.integer(0, 0xffffffff).toString(16).padStart(8, '0');
  const request: RequestSignal = {
    kind: 'request',
    requestId,
    occurredMs: nowMs,
    seenMs: nowMs,
    ...wish,
  };
  // Listens before it asks: a refusal of the guard may come at once.
  const heard: Fact[] = [];
  let wake: () => void = () => undefined;
  const stop = facts.listen((fact) => {
    heard.push(fact);
    wake();
  });
  const ends = AbortSignal.any([signal, stopping]);
  ends.addEventListener('abort', () => wake(), { once: true });
  try {
    const [taken] = intake.take(request);
    if (!taken) throw new StillpointError({ code: 'internal', message: 'no decision was made' });
    const { decision, acceptance } = taken;
    if (!acceptance) return { kind: 'refused', reason: decision.reason, detail: decision.detail };
    if (acceptance.kind === 'refused') {
      return { kind: 'refused', reason: acceptance.reason, detail: acceptance.detail };
    }
    const { id, target } = acceptance.trigger;
    const joined = acceptance.kind === 'coalesced' ? joinedOf(acceptance.trigger) : {};
    send({ kind: 'accepted', trigger: id, target: describeTarget(target), ...joined });
    for (;;) {
      for (let fact = heard.shift(); fact; fact = heard.shift()) {
        const progress = progressOf(fact, id);
        if (!progress) continue;
        if (isEnd(progress)) return { ...progress, ...joined };
        send(progress);
      }
      if (signal.aborted) break;
      if (stopping.aborted) return { ...stoppedBefore(dispatcher, id), ...joined };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    throw new StillpointError({ code: 'cancelled', message: 'the caller hung up' });
  } finally {
    stop();
  }
}

/** The first decision settled how its capture is made. */
function joinedOf({ decisions: [first] }: Trigger): { joined?: JoinedCapture } {
  return first ? { joined: { rule: first.rule, via: first.capture.via } } : {};
}

function isEnd(progress: CaptureProgress): progress is CaptureEnd {
  return !['accepted', 'capturing', 'verifying'].includes(progress.kind);
}

/** Nothing of the agent captures any more: the journal says how far it came. */
function stoppedBefore({ journal }: Dispatcher, trigger: string): CaptureEnd {
  const entry = journal.unfinished().find((one) => one.trigger.id === trigger);
  const then = entry ? (recoveryRow(entry.state)?.decision ?? 'thaw-and-look') : 'nothing';
  return { kind: 'stopped', trigger, then };
}

/** What a fact means for the one who waits for that trigger; undefined = nothing. */
function progressOf(fact: Fact, triggerId: string): CaptureProgress | undefined {
  if (fact.kind === 'capturing' && fact.trigger.id === triggerId) return { kind: 'capturing' };
  if (fact.kind === 'capture-ended') {
    const { outcome } = fact;
    if (outcome.trigger.id !== triggerId || outcome.kind !== 'captured') return undefined;
    const { backend, timings } = outcome;
    const { checkpointMs, frozenMs } = timings;
    return { kind: 'verifying', backend, checkpointMs, frozenMs };
  }
  if (fact.kind !== 'ended' || fact.outcome.kind === 'not-accepted') return undefined;
  const { outcome } = fact;
  if (outcome.trigger.id !== triggerId) return undefined;
  switch (outcome.kind) {
    case 'archived':
      return { kind: 'done', record: outcome.record };
    case 'broken':
      return { kind: 'broken', archive: outcome.archive, findings: outcome.findings };
    case 'refused':
      return { kind: 'refused', reason: outcome.reason, detail: outcome.detail };
    case 'failed': {
      const { failure, message, hint } = outcome;
      return { kind: 'failed', class: failure, message, hint };
    }
  }
}

function pruneReplyOf(report: RetentionReport): PruneReply {
  const { plan, results, dryRun, removedBytes, leftBytes } = report;
  const reasonsOf = new Map(
    plan.remove.map(({ name, reasons }) => [
      name,
      reasons.map(({ code, detail }) => `${removeReasons[code]} (${detail})`),
    ]),
  );
  const kept = plan.keep.map(
    ({ name, policy, reasons }): PruneItem => ({
      archive: name,
      result: 'kept',
      policy: policy ?? '',
      reasons: reasons.map(({ code, detail }) =>
        detail === '' ? keepReasons[code] : `${keepReasons[code]} (${detail})`,
      ),
      detail: '',
    }),
  );
  const swept = results.map(
    (result): PruneItem => ({
      archive: result.name,
      result: result.kind,
      policy: result.policy,
      reasons: reasonsOf.get(result.name) ?? [],
      detail: detailOf(result),
    }),
  );
  return {
    dryRun,
    removedBytes,
    leftBytes,
    items: [...swept, ...kept],
    unmet: plan.unmet.map(
      ({ policy, limit, allowed, left }) =>
        `${policy}: ${limit} allows ${allowed}, ${left} are left`,
    ),
  };
}

function detailOf(result: SweepResult): string {
  if (result.kind === 'held-back') {
    return [heldBackReasons[result.code], result.detail].filter((text) => text !== '').join(': ');
  }
  return result.kind === 'failed' ? String(result.error) : '';
}
