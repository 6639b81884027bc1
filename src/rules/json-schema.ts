import { type JsonSchema, jsonSchemaOf } from '../base/index.ts';
import { ruleSchema } from './schema/index.ts';

/** The JSON Schema of a CheckpointRule as it is written. */
export function ruleJsonSchema(): JsonSchema {
  return { title: 'CheckpointRule', ...jsonSchemaOf(ruleSchema) };
}
