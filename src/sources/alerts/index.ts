/**
 * sources/alerts: the door for alerts. Turns bodies of a named shape (Falco, Alertmanager,
 * CloudEvents, JSON with a map) into signals, from NATS and from the webhook, and says what it drops
 * and why. It resolves no container and judges no severity: that is the rules'. It guesses no
 * shape, and opens no socket: the connection and the HTTP server are handed to it.
 */
export type { FieldMap, FieldPath } from './field-map.ts';
export { flattenBounds } from './flatten.ts';
export type { AlertDropReason } from './intake.ts';
export { createNatsAlertsSource, type NatsAlertsOptions } from './nats-alerts.ts';
export { type AlertNodeLookup, createAlertNodeLookup } from './node-lookup.ts';
export type { AlertArrival, AlertBody, AlertParser, ParsedAlerts } from './parse.ts';
export { type AlertMaps, createAlertParsers } from './shapes.ts';
export {
  createWebhookAlertsSource,
  WEBHOOK_BYTES_MAX,
  type WebhookAlertsOptions,
  type WebhookAlertsSource,
  type WebhookReply,
} from './webhook-alerts.ts';
