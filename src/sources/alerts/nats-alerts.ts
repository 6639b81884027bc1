import { type Cancel, type Clock, type Logger, StillpointError } from '../../base/index.ts';
import type { NatsConnection, NatsMessage } from '../../nats/index.ts';
import type { AlertShape } from '../../signal/index.ts';
import type { Emit, OnStatus, Source, SourceStatus } from '../source.ts';
import { ALERT_BYTES_MAX, type AlertIntake, createAlertIntake } from './intake.ts';
import { type AlertMaps, createAlertParsers } from './shapes.ts';

export interface NatsAlertsOptions {
  /** Not closed by the source: others use it too. */
  connection: NatsConnection;
  subjects: readonly { subject: string; shape: AlertShape }[];
  maps?: AlertMaps;
  emit: Emit;
  onStatus: OnStatus;
  clock: Clock;
  log: Logger;
}

/**
 * The NATS door for alerts; each subject has one shape. Every agent listens to every alert, without
 * a queue group: only the node that runs the container can act on it. `live` while the connection
 * stands and no subject is refused; alerts published while it does not are lost (core NATS).
 */
export function createNatsAlertsSource(options: NatsAlertsOptions): Source {
  return new NatsAlerts(options);
}

class NatsAlerts implements Source {
  readonly name = 'alerts-nats';
  private readonly options: NatsAlertsOptions;
  private readonly intake: AlertIntake;
  private readonly refused = new Map<string, StillpointError>();
  private readonly undo: Cancel[] = [];
  private current: SourceStatus = { state: 'starting' };

  constructor(options: NatsAlertsOptions) {
    this.options = options;
    this.intake = createAlertIntake({ ...options, door: 'nats', bytesMax: ALERT_BYTES_MAX });
  }

  async start(): Promise<void> {
    const { connection, subjects } = this.options;
    const parsers = createAlertParsers(this.options.maps);
    for (const { subject, shape } of subjects) {
      const parse = parsers.get(shape);
      if (!parse) throw noMap(shape);
      const take = ({ data }: NatsMessage) => {
        this.intake.take({ data }, parse);
        // The server was asked again and has agreed.
        if (this.refused.delete(subject)) this.refresh();
      };
      const cancel = connection.subscribe(subject, take, {
        onRefused: (error) => {
          this.refused.set(subject, error);
          this.refresh();
        },
      });
      this.undo.push(cancel);
    }
    const cancel = connection.onStatus((status) => {
      if (status.state === 'connected') this.refused.clear();
      this.refresh();
    });
    this.undo.push(cancel);
    this.refresh();
  }

  async stop(): Promise<void> {
    for (const cancel of this.undo.splice(0)) cancel();
    this.become({ state: 'stopped' });
  }

  status(): SourceStatus {
    return this.current;
  }

  dropped(): Readonly<Record<string, number>> {
    return this.intake.dropped();
  }

  private refresh(): void {
    const status = this.options.connection.status();
    const sinceMs = this.options.clock.wallMs();
    const [refusal] = this.refused.values();
    if (status.state === 'closed') {
      this.become({ state: 'degraded', sinceMs, reason: 'the NATS connection is closed' });
    } else if (status.state === 'disconnected') {
      this.become({ state: 'degraded', sinceMs, reason: status.reason });
    } else if (status.state === 'connected' && refusal) {
      this.become({ state: 'degraded', sinceMs, reason: refusal.message });
    } else if (status.state === 'connected') {
      this.become({ state: 'live', sinceMs });
    }
  }

  private become(next: SourceStatus): void {
    if (this.current.state === 'stopped') return;
    this.current = next;
    this.options.onStatus(this.name, next);
  }
}

function noMap(shape: AlertShape): StillpointError {
  const message = `nats.subjects: there is no map for the shape ${shape}`;
  return new StillpointError({ code: 'bad-config', message, hint: 'Write it in alerts.json.' });
}
