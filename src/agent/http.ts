import { readFileSync } from 'node:fs';
import { type Clock, type Logger, messageOf, StillpointError } from '../base/index.ts';
import type { Metrics } from '../outputs/index.ts';
import { WEBHOOK_BYTES_MAX, type WebhookAlertsSource } from '../sources/index.ts';
import type { AgentConfig } from './config-schema.ts';
import { createHttpServer, type HttpServer } from './http-server.ts';

export interface HttpOptions {
  config: AgentConfig['http'];
  isReady(): boolean;
  metrics: Metrics;
  webhook: WebhookAlertsSource | undefined;
  clock: Clock;
  log: Logger;
}

/** The server on the pod's address. Errors: `bad-config` (a token file that cannot be used). */
export function createHttp({ config, webhook, ...rest }: HttpOptions): HttpServer {
  const alertsToken = readToken(config.alertsTokenFile, 'http.alertsTokenFile');
  const { metrics } = rest;
  return createHttpServer({
    ...rest,
    address: config.address,
    port: config.port,
    metrics: {
      token: readToken(config.metricsTokenFile, 'http.metricsTokenFile'),
      text: () => metrics.text(),
    },
    alerts: webhook && alertsToken !== undefined ? alertsOf(webhook, alertsToken) : undefined,
  });
}

function alertsOf(webhook: WebhookAlertsSource, token: string) {
  return {
    token,
    bytesMax: WEBHOOK_BYTES_MAX,
    accept: (body: Uint8Array) => webhook.acceptFalcoAlert(body),
    refuseTooLarge: () => webhook.refuseTooLarge(),
  };
}

function readToken(path: string | undefined, key: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new StillpointError({
      code: 'bad-config',
      message: `${key}: ${path} cannot be read: ${messageOf(cause)}`,
      cause,
    });
  }
}
