/**
 * nats: the one adapter over the package `nats` (loaded when first used), core NATS only: connect
 * and stay connected, listen, publish. It knows nothing of alerts or outcomes, keeps no message,
 * and never hides that one could not be sent.
 */
export {
  connectNats,
  type NatsConnection,
  type NatsStatus,
  type PublishResult,
  type SubscribeOptions,
} from './connection.ts';
export type { NatsOptions, NatsTls } from './options.ts';
export type { NatsMessage } from './session.ts';
export { assertSubject, subjectToken } from './subject.ts';
