/**
 * sources/alerts: the security door. Turns alerts in Falco's JSON into signals, from NATS and from
 * the webhook, and says what it drops and why. It resolves no container and judges no severity:
 * that is the rules'. It opens no socket: the connection and the HTTP server are handed to it.
 */
export { type ParsedAlert, parseFalcoAlert } from './falco.ts';
export { flattenBounds, LEFT_OUT_FIELD } from './flatten.ts';
export type { AlertDropReason } from './intake.ts';
export {
  createNatsAlertsSource,
  type NatsAlertsOptions,
} from './nats-alerts.ts';
export {
  createWebhookAlertsSource,
  WEBHOOK_BYTES_MAX,
  type WebhookAlertsOptions,
  type WebhookAlertsSource,
  type WebhookReply,
} from './webhook-alerts.ts';
