import { type Mistake, mistakeAt, nearest, type YamlDocument } from '../base/index.ts';
import type { GivenAlert } from './schema/index.ts';

/** What an alert of a shape holds at its top; what lies deeper begins with `inside`. */
interface TopFields {
  of: string;
  names: readonly string[];
  inside: string;
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
    return [...unknownField(document, place, top, test.field), ...neverText(document, place, test)];
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
