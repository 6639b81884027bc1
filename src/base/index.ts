/**
 * base: what every other folder may lean on: clock, chance, errors, log, units, configuration.
 * It knows nothing of Kubernetes, of rules or of archives, and imports no other folder. The only
 * place that may touch the wall clock, timers and Math.random.
 */
export { assetPath, workerPath } from './assets.ts';
export { type Backoff, createBackoff } from './backoff.ts';
export { type Cleanup, createCleanup } from './cleanup.ts';
export { type Cancel, type Clock, systemClock } from './clock.ts';
export { cronMistake, nextCronMs } from './cron.ts';
export { deepFreeze } from './deep-freeze.ts';
export { type ErrorCode, errorCodes } from './error-codes.ts';
export {
  isStillpointError,
  messageOf,
  nodeCodeOf,
  StillpointError,
  type StillpointErrorFields,
  unreachable,
} from './errors.ts';
export { exactInteger, parseExactJson } from './exact-json.ts';
export { globMatches } from './glob.ts';
export { createLogger, type LogFields, type Logger, type LogLevel, silentLogger } from './log.ts';
export { closeToOthers } from './private-directory.ts';
export { parseQuantityBytes } from './quantity.ts';
export { createQuietLog, type QuietLog } from './quiet-log.ts';
export { createRandom, freshSeed, type Random } from './random.ts';
export { nextTurn, runAtOnce, runInTurns, type Steps } from './steps.ts';
export { createTokenBucket, type TokenBucket, type TokenBucketOptions } from './token-bucket.ts';
export {
  formatBytes,
  formatDuration,
  formatPercent,
  parseBytes,
  parseDurationMs,
  parsePercent,
} from './units.ts';
export {
  API_VERSION,
  mistakeAt,
  type PathPart,
  parseYaml,
  parseYamlSteps,
  showPath,
  unknownKind,
  wholeFile,
  type YamlDocument,
  type YamlDocuments,
} from './yaml-documents.ts';
export { type FieldShape, shaped } from './yaml-field-shape.ts';
export {
  byteCount,
  cronLine,
  dnsLabel,
  durationMs,
  metadataFields,
  nameGlob,
  percentRatio,
  timeZoneName,
} from './yaml-fields.ts';
export { JSON_SCHEMA_DRAFT, type JsonSchema, jsonSchemaOf } from './yaml-json-schema.ts';
export {
  formatMistake,
  formatPlace,
  type Mistake,
  mistakesError,
  nearest,
  type Place,
  showGiven,
} from './yaml-mistake.ts';
export { isTestName, readYaml, YAML_FILE_BYTES_MAX } from './yaml-read.ts';
export { type Validated, validateDocument } from './yaml-validate.ts';
