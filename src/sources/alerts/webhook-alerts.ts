import type { Clock, Logger } from '../../base/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import {
  type AlertDropReason,
  type AlertIntake,
  type AlertVerdict,
  createAlertIntake,
  tooLarge,
} from './intake.ts';

/** The largest body that the webhook takes; a Falco alert has 1 to 4 KiB. */
export const WEBHOOK_BYTES_MAX = 262_144;

/** What the HTTP server answers; `message` is one line for people. */
export interface WebhookReply {
  status: number;
  message: string;
}

/** The webhook door. The HTTP server owns the socket, the token and the cap on the body. */
export interface WebhookAlertsSource extends Source {
  /** One body that was posted to /alerts/falco by a sender who knows the token. Never throws. */
  acceptFalcoAlert(body: Uint8Array): WebhookReply;
  /** A body over WEBHOOK_BYTES_MAX, refused before it was read. */
  refuseTooLarge(): WebhookReply;
}

export interface WebhookAlertsOptions {
  emit: Emit;
  onStatus: OnStatus;
  clock: Clock;
  log: Logger;
}

/** Alerts as falcosidekick's `webhook` output or Falco's `http_output` post them. */
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
  private readonly options: WebhookAlertsOptions;
  private readonly intake: AlertIntake;
  private current: SourceStatus = { state: 'starting' };

  constructor(options: WebhookAlertsOptions) {
    this.options = options;
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

  acceptFalcoAlert(body: Uint8Array): WebhookReply {
    if (this.current.state === 'live') return replyTo(this.intake.take(body));
    return replyTo(this.intake.drop('stopped', 'the agent does not take alerts now'));
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
  if (verdict.kind === 'taken') return { status: 202, message: 'taken' };
  return { status: STATUS_OF[verdict.reason], message: verdict.message };
}
