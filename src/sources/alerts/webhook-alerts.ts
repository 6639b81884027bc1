import type { Clock, Logger } from '../../base/index.ts';
import type { AlertShape } from '../../signal/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import {
  ALERT_BYTES_MAX,
  type AlertDropReason,
  type AlertIntake,
  type AlertVerdict,
  createAlertIntake,
  tooLarge,
} from './intake.ts';
import type { AlertBody, AlertParser } from './parse.ts';
import { type AlertMaps, createAlertParsers } from './shapes.ts';

/** The largest body that the webhook takes. */
export const WEBHOOK_BYTES_MAX = ALERT_BYTES_MAX;

/** What the HTTP server answers; `message` is one line for people. */
export interface WebhookReply {
  status: number;
  message: string;
}

/** The webhook door. The HTTP server owns the socket, the token and the cap on the body. */
export interface WebhookAlertsSource extends Source {
  /** What may be posted: `/alerts/` and one of these. */
  readonly shapes: readonly AlertShape[];
  /** One body that was posted to /alerts/SHAPE by a sender who knows the token. Never throws. */
  accept(shape: AlertShape, body: AlertBody): WebhookReply;
  /** A body over WEBHOOK_BYTES_MAX, refused before it was read. */
  refuseTooLarge(): WebhookReply;
}

export interface WebhookAlertsOptions {
  maps?: AlertMaps;
  emit: Emit;
  onStatus: OnStatus;
  clock: Clock;
  log: Logger;
}

/** Alerts as falcosidekick, Falco, Alertmanager, senders of CloudEvents and others post them. */
export function createWebhookAlertsSource(options: WebhookAlertsOptions): WebhookAlertsSource {
  return new WebhookAlerts(options);
}

const STATUS_OF: Record<AlertDropReason, number> = {
  'too-large': 413,
  'too-many': 429,
  'not-json': 400,
  'bad-shape': 422,
  stopped: 503,
};

class WebhookAlerts implements WebhookAlertsSource {
  readonly name = 'alerts-webhook';
  readonly shapes: readonly AlertShape[];
  private readonly parsers: ReadonlyMap<AlertShape, AlertParser>;
  private readonly options: WebhookAlertsOptions;
  private readonly intake: AlertIntake;
  private current: SourceStatus = { state: 'starting' };

  constructor(options: WebhookAlertsOptions) {
    this.options = options;
    this.parsers = createAlertParsers(options.maps);
    this.shapes = [...this.parsers.keys()];
    this.intake = createAlertIntake({ ...options, door: 'webhook', bytesMax: WEBHOOK_BYTES_MAX });
  }

  async start(): Promise<void> {
    this.become({ state: 'live', sinceMs: this.options.clock.wallMs() });
  }

  async stop(): Promise<void> {
    this.become({ state: 'stopped' });
  }

  status(): SourceStatus {
    return this.current;
  }

  dropped(): Readonly<Record<string, number>> {
    return this.intake.dropped();
  }

  accept(shape: AlertShape, body: AlertBody): WebhookReply {
    if (this.current.state !== 'live') {
      return replyTo(this.intake.drop('stopped', 'the agent does not take alerts now'));
    }
    const parse = this.parsers.get(shape);
    if (parse) return replyTo(this.intake.take(body, parse));
    return replyTo(this.intake.drop('bad-shape', `there is no map for the shape ${shape}`));
  }

  refuseTooLarge(): WebhookReply {
    return replyTo(this.intake.drop('too-large', tooLarge(WEBHOOK_BYTES_MAX)));
  }

  private become(next: SourceStatus): void {
    this.current = next;
    this.options.onStatus(this.name, next);
  }
}

function replyTo(verdict: AlertVerdict): WebhookReply {
  if (verdict.kind === 'taken') {
    const { alerts, leftOut } = verdict;
    const message = leftOut > 0 ? `taken ${alerts} of ${alerts + leftOut}` : 'taken';
    return { status: 202, message };
  }
  return { status: STATUS_OF[verdict.reason], message: verdict.message };
}
