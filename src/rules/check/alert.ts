import { type Mistake, mistakeAt, nearest, type YamlDocument } from '../../base/index.ts';
import type { GivenAlert } from '../schema/index.ts';

/** What an alert of a shape holds at its top; what lies deeper begins with `inside`. */
interface TopFields {
  of: string;
  names: readonly string[];
  inside: string;
  /** The one field that takes only some texts. */
  choice: { field: string; values: readonly string[] };
}

const topFields: Readonly<Record<string, TopFields>> = {
  // Falco's JSON output, and falcosidekick's payload (types/types.go).
  falco: {
    of: 'a Falco alert',
    names: [
      ...['uuid', 'output', 'priority', 'rule', 'time', 'source', 'hostname', 'tags'],
      'output_fields',
    ],
    inside: 'output_fields',
    // userspace/engine/falco_common.cpp
    choice: {
      field: 'priority',
      values: [
        ...['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Informational'],
        'Debug',
      ],
    },
  },
  // Alertmanager's webhook and Grafana's (template.Alert).
  alertmanager: {
    of: 'an alert of Alertmanager',
    names: [
      ...['status', 'labels', 'annotations', 'startsAt', 'endsAt', 'generatorURL', 'fingerprint'],
      ...['receiver', 'groupKey', 'externalURL', 'silenceURL', 'dashboardURL', 'panelURL'],
      ...['values', 'valueString', 'orgId'],
    ],
    inside: 'labels',
    choice: { field: 'status', values: ['firing', 'resolved'] },
  },
};

/** Only warnings: a sender can be told to add fields of one's own. */
export function alertWarnings(
  document: YamlDocument,
  alert: GivenAlert | undefined,
  path: Path,
): Mistake[] {
  const top = alert && topFields[alert.shape];
  if (!top) return [];
  return (alert.match ?? []).flatMap((test, index) => {
    const place = [...path, 'match', index];
    return [
      ...unknownField(document, place, top, test.field),
      ...neverText(document, place, test),
      ...unknownChoice(document, place, top, test),
    ];
  });
}

type Path = readonly (string | number)[];

function unknownField(document: YamlDocument, path: Path, top: TopFields, field: string) {
  const [first = ''] = field.split('.');
  if (top.names.includes(first) || field.startsWith('stillpoint.')) return [];
  const near = nearest(first, top.names);
  const isNested = field.includes('.') || top.inside === 'labels';
  const nested = isNested ? `${top.inside}.${field}` : undefined;
  const suggestion = near === undefined ? nested : `${near}${field.slice(first.length)}`;
  const message = `is no field of ${top.of}, so it never matches unless you add it there`;
  const allowed = `${top.names.join(', ')}, ${top.inside}.*`;
  return [mistakeAt(document, [...path, 'field'], { message, allowed, suggestion })];
}

type Test = NonNullable<GivenAlert['match']>[number];

/** Labels and annotations are texts, whatever they look like. */
function neverText(document: YamlDocument, path: Path, { field, equals, in: oneOf }: Test) {
  if (!/^(labels|annotations)\./.test(field)) return [];
  const isText = (value: unknown) => typeof value === 'string';
  const message = 'never matches: labels and annotations are texts';
  if (equals !== undefined && !isText(equals)) {
    const suggestion = JSON.stringify(String(equals));
    return [mistakeAt(document, [...path, 'equals'], { message, suggestion })];
  }
  if (oneOf === undefined || oneOf.some(isText)) return [];
  return [mistakeAt(document, [...path, 'in'], { message })];
}

/** A text that the field never has, most often one in other letters. */
function unknownChoice(document: YamlDocument, path: Path, { of, choice }: TopFields, test: Test) {
  const { field, values } = choice;
  if (test.field !== field) return [];
  const allowed = values.join(', ');
  if (test.number) {
    const message = `never matches: ${field} of ${of} is a word`;
    return [mistakeAt(document, [...path, 'number'], { message, allowed })];
  }
  const given = [
    ...(test.equals === undefined ? [] : [{ value: test.equals, at: ['equals'] }]),
    ...(test.in ?? []).map((value, index) => ({ value, at: ['in', index] })),
  ];
  return given.flatMap(({ value, at }) => {
    if (values.some((one) => one === value)) return [];
    const message = `never matches: ${of} has no such ${field}`;
    const suggestion = nearest(String(value), values);
    return [mistakeAt(document, [...path, ...at], { message, allowed, suggestion })];
  });
}
