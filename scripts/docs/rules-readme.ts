import { basename } from 'node:path';
import { stringify } from 'yaml';
import { documentSchema } from '../../src/agent/index.ts';
import type { JsonSchema, YamlDocument } from '../../src/base/index.ts';
import {
  signalType,
  whereFunctions,
  whereKinds,
  whereTypes,
  whereVariables,
} from '../../src/rules/index.ts';
import { reasons } from '../../src/signal/index.ts';
import { exampleOf, type FieldRow, fieldRows, type NamedTypes, table } from './schema-tables.ts';

const BEGIN = '<!-- Made by `npm run docs` out of the schema; what is written here is lost. -->';
const END = '<!-- End of what is made by `npm run docs`. -->';

/** The README with its reference made anew; what stands outside the two marks stays. */
export function withReference(readme: string, examples: readonly YamlDocument[]): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the README lacks the lines ${BEGIN} and ${END}`);
  return `${readme.slice(0, begin)}${BEGIN}\n\n${reference(examples)}\n\n${readme.slice(end)}`;
}

/** The whole language: each field, each kind of condition, each reason. */
function reference(examples: readonly YamlDocument[]): string {
  const rule = documentSchema('CheckpointRule');
  const spec = rule.properties?.spec ?? {};
  const { when = {}, ...otherParts } = spec.properties ?? {};
  const named: NamedTypes = new Map();
  const kinds = Object.entries(when.properties ?? {}).map(([kind, condition]) =>
    kindSection(kind, condition, named, examples),
  );
  const ruleRows = [
    ...fieldRows({ properties: { metadata: rule.properties?.metadata ?? {} } }, named),
    ...fieldRows({ properties: { when: withoutFields(when) }, required: ['when'] }, named, 'spec.'),
    ...fieldRows({ ...spec, properties: otherParts }, named, 'spec.'),
  ];
  const policy = documentSchema('RetentionPolicy');
  const policyParts = fieldRows({ ...policy, properties: partsOf(policy) }, named);
  return [
    '## The files here',
    libraryTable(examples),
    '## Fields of a rule',
    fieldTable(ruleRows.filter(isOwnRow)),
    '## Kinds of condition',
    '`spec.when` holds exactly one of these.',
    ...kinds,
    ...namedSections(named),
    '## where',
    ...whereSection(),
    '## Fields of a retention policy',
    fieldTable(policyParts.filter(isOwnRow)),
    '## Reasons',
    'Log, metrics, Kubernetes Events, records and the command line name the same reasons:',
    table(
      ['reason', 'meaning'],
      Object.entries(reasons).map(([code, sentence]) => [`\`${code}\``, sentence]),
    ),
  ].join('\n\n');
}

/** What an expression can look at: the types that it is checked against. */
function whereSection(): string[] {
  const fields = (of: Readonly<Record<string, string>>) =>
    Object.entries(of).map(([name, type]) => `\`${name}\` ${type}`);
  const ofKinds = whereKinds.map((kind) => [
    '`signal`',
    [`under \`${kind}\``, ...(SIGNAL_NOTES[kind] ?? [])].join('; '),
    fields(signalType(kind)).join(', '),
  ]);
  const others = Object.entries(whereVariables).flatMap(([variable, type]) =>
    type === 'Signal' ? [] : [[`\`${variable}\``, '', fields(whereTypes[type]).join(', ')]],
  );
  const owner = ['`pod.owner`', 'who stands behind the pod', fields(whereTypes.Owner).join(', ')];
  return [
    `A [CEL](https://cel.dev) expression that must hold too. ${WHERE_NOTES}`,
    table(['variable', '', 'fields'], [...ofKinds, ...others, owner]),
    `Functions: ${whereFunctions.map((name) => `\`${name}\``).join(', ')}, and \`in\`.`,
  ];
}

/** What the fields are, where their names do not say it. */
const SIGNAL_NOTES: Partial<Record<(typeof whereKinds)[number], readonly string[]>> = {
  nodeMemory: [
    'that is `memory: { of: node }`',
    'of the node what is left and its capacity, and of the pod its working set and its request',
  ],
  event: ['`count`: how many of them are new'],
  crashLoop: ['how the life before this one ended'],
  probe: ['`failures`: in a row, with this one', '`handler`: exec, httpGet, tcpSocket or grpc'],
  terminating: [
    '`cause`: drain, taint, preemption or delete',
    '`reason`: of the condition DisruptionTarget, else empty',
  ],
  schedule: ['`scheduled`: as in `2026-01-01T02:00:00.000Z`'],
  request: ['`from`: cli or annotation', '`by`: who, `cli uid 0`', '`token`: of the annotation'],
  sequence: [
    'asked at the last step',
    '`first`, `last`: the signals of these steps in a line, as in the trail',
  ],
};

const WHERE_NOTES =
  'A field that is not there is a mistake at load; a key of a map that is not there makes the ' +
  'whole false, unless `has(pod.labels.x)`, `"x" in pod.labels` or `||` decides first. What is ' +
  'false is counted as `where-false`; an expression that cannot be evaluated gives a decision ' +
  '`where-error`. It costs no more than its length: `matches` takes RE2 patterns that are written ' +
  'out, `exists` and `all` lists that are written out, and texts are looked at up to 4096 characters.';

function partsOf({ properties = {} }: JsonSchema): Readonly<Record<string, JsonSchema>> {
  const { apiVersion: _version, kind: _kind, ...rest } = properties;
  return rest;
}

/** Told as one row; its kinds have sections of their own. */
function withoutFields({ description, ...when }: JsonSchema): JsonSchema {
  return { type: 'object', description, examples: [exampleOf(when)] };
}

/** The two maps that every document has need no row. */
function isOwnRow({ path }: FieldRow): boolean {
  return path !== 'metadata' && path !== 'spec';
}

function kindSection(
  kind: string,
  condition: JsonSchema,
  named: NamedTypes,
  examples: readonly YamlDocument[],
): string {
  const rows = fieldRows(condition, named);
  return [
    `### ${kind}`,
    `${condition.description}.`,
    ...exampleBlock(kind, examples),
    ...(rows.length > 0 ? [fieldTable(rows)] : []),
  ].join('\n\n');
}

/** Each rule and policy of this directory, with what it says of itself. */
function libraryTable(examples: readonly YamlDocument[]): string {
  const rows = examples.map(({ file, kind, value }) => {
    const spec = isMap(value.spec) ? value.spec : {};
    const [condition = ''] = Object.keys(isMap(spec.when) ? spec.when : {});
    const name = isMap(value.metadata) ? String(value.metadata.name) : '';
    const mode = String(spec.mode ?? 'enforce');
    const isRule = kind === 'CheckpointRule';
    return [
      `[\`${basename(file)}\`](${basename(file)})`,
      `\`${name}\``,
      isRule ? `\`${condition}\`` : `(\`${kind}\`)`,
      isRule ? mode : '',
      isRule ? String(spec.description ?? '') : 'Which archives are kept, and for how long',
    ];
  });
  return table(['file', 'name', 'kind', 'mode', 'what for'], rows);
}

/** The condition of the first rule of this directory that has the kind. */
function exampleBlock(kind: string, examples: readonly YamlDocument[]): string[] {
  for (const { value } of examples) {
    const when = isMap(value.spec) ? value.spec.when : undefined;
    if (!isMap(when) || when[kind] === undefined) continue;
    return [`\`\`\`yaml\n${stringify({ when })}\`\`\``];
  }
  return [];
}

/** Types that stand in several places; what they hold may be of such a type again. */
function namedSections(named: NamedTypes): string[] {
  const sections = new Map<string, string>();
  for (;;) {
    const [next] = [...named].filter(([title]) => !sections.has(title));
    if (!next) break;
    const [title, map] = next;
    sections.set(title, `### ${title}\n\n${fieldTable(fieldRows(map, named))}`);
  }
  return sections.size > 0 ? ['## Parts that stand in several places', ...sections.values()] : [];
}

function fieldTable(rows: readonly FieldRow[]): string {
  return table(
    ['field', 'type', 'default', 'example', 'meaning'],
    rows.map(({ path, type, fallback, example, meaning }) => [
      `\`${path}\``,
      type,
      fallback,
      example,
      meaning,
    ]),
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
