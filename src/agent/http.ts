import { type Clock, type Logger, messageOf, StillpointError } from '../base/index.ts';
import { createWatchedFile } from '../kube/index.ts';
import type { Metrics } from '../outputs/index.ts';
import type { AlertShape } from '../signal/index.ts';
import { type AlertBody, WEBHOOK_BYTES_MAX, type WebhookAlertsSource } from '../sources/index.ts';
import type { AgentConfig } from './config-schema.ts';
import { createHttpServer, type HttpServer, type TokenSource } from './http-server.ts';

export interface HttpOptions {
  config: AgentConfig['http'];
  whyNotReady(): string | undefined;
  metrics: Metrics;
  webhook: WebhookAlertsSource | undefined;
  clock: Clock;
  log: Logger;
}

/** The server on the pod's address; token files are read again when they change. */
export function createHttp({ config, webhook, ...rest }: HttpOptions): HttpServer {
  const { metrics, clock } = rest;
  const alertsToken = tokenFrom(config.alertsTokenFile, 'http.alertsTokenFile', clock);
  return createHttpServer({
    ...rest,
    address: config.address,
    port: config.port,
    metrics: {
      token: tokenFrom(config.metricsTokenFile, 'http.metricsTokenFile', clock),
      text: () => metrics.text(),
    },
    alerts: webhook && alertsToken !== undefined ? alertsOf(webhook, alertsToken) : undefined,
  });
}

function alertsOf(webhook: WebhookAlertsSource, token: TokenSource) {
  return {
    token,
    bytesMax: WEBHOOK_BYTES_MAX,
    shapes: webhook.shapes,
    accept: (shape: AlertShape, body: AlertBody) => webhook.accept(shape, body),
    refuseTooLarge: () => webhook.refuseTooLarge(),
  };
}

function tokenFrom(path: string | undefined, key: string, clock: Clock): TokenSource | undefined {
  if (path === undefined) return undefined;
  const file = createWatchedFile(path, clock);
  return async () => {
    try {
      return (await file.read()).trim();
    } catch (cause) {
      const message = `${key}: ${messageOf(cause)}`;
      throw new StillpointError({ code: 'bad-config', message, cause });
    }
  };
}
