import { type JsonSchema, jsonSchemaOf } from '../base/index.ts';
import { ruleSchema } from './schema/index.ts';
import { RULE_TEST_KIND, ruleTestSchema } from './testing/index.ts';

/** The JSON Schema of a CheckpointRule as it is written. */
export function ruleJsonSchema(): JsonSchema {
  return { title: 'CheckpointRule', ...jsonSchemaOf(ruleSchema) };
}

/** The JSON Schema of a RuleTest as it is written. */
export function ruleTestJsonSchema(): JsonSchema {
  return { title: RULE_TEST_KIND, ...jsonSchemaOf(ruleTestSchema) };
}
