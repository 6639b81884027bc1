import { API_VERSION, JSON_SCHEMA_DRAFT, type JsonSchema, jsonSchemaOf } from '../base/index.ts';
import { policyJsonSchema } from '../retention/index.ts';
import { ruleJsonSchema, ruleTestJsonSchema } from '../rules/index.ts';
import { agentConfigSchema } from './config-schema.ts';

/** The kinds of document that people write. */
export const documentKinds = [
  'CheckpointRule',
  'RetentionPolicy',
  'RuleTest',
  'AgentConfig',
] as const;

export type DocumentKind = (typeof documentKinds)[number];

/** The JSON Schema of one kind. */
export function documentSchema(kind: DocumentKind): JsonSchema {
  return { $schema: JSON_SCHEMA_DRAFT, ...schemaOf(kind) };
}

/** The JSON Schema of a file in a rules directory: each document is a rule, a policy or a test. */
export function rulesFileSchema(): JsonSchema {
  const kinds = ['CheckpointRule', 'RetentionPolicy', 'RuleTest'] as const;
  return {
    $schema: JSON_SCHEMA_DRAFT,
    title: 'Rules of Stillpoint, their tests, and retention policies',
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { apiVersion: { const: API_VERSION }, kind: { enum: kinds } },
    allOf: kinds.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nobody awaits it.
      then: { $ref: `#/definitions/${kind}` },
    })),
    definitions: Object.fromEntries(kinds.map((kind) => [kind, schemaOf(kind)])),
  };
}

function schemaOf(kind: DocumentKind): JsonSchema {
  switch (kind) {
    case 'CheckpointRule':
      return ruleJsonSchema();
    case 'RetentionPolicy':
      return policyJsonSchema();
    case 'RuleTest':
      return ruleTestJsonSchema();
    case 'AgentConfig':
      return { title: kind, ...jsonSchemaOf(agentConfigSchema) };
  }
}
