import type { AlertShape } from '../../signal/index.ts';
import { parseAlertmanagerBody } from './alertmanager.ts';
import { createCloudEventsParser } from './cloudevents.ts';
import { parseFalcoAlert } from './falco.ts';
import type { FieldMap } from './field-map.ts';
import { createJsonParser } from './json-shape.ts';
import type { AlertParser } from './parse.ts';

/** The maps that an owner has written. */
export interface AlertMaps {
  /** Besides what is looked for anyway. */
  cloudevents?: FieldMap;
  /** By the name of the sender: `wazuh` is the shape `json/wazuh`. */
  json?: Readonly<Record<string, FieldMap>>;
}

/** A parser for each shape that there is: the three that are known, and one for each json map. */
export function createAlertParsers(maps: AlertMaps = {}): ReadonlyMap<AlertShape, AlertParser> {
  const named = Object.entries(maps.json ?? {}).map(([name, map]): [AlertShape, AlertParser] => {
    const shape: AlertShape = `json/${name}`;
    return [shape, createJsonParser(shape, map)];
  });
  return new Map<AlertShape, AlertParser>([
    ['falco', parseFalcoAlert],
    ['alertmanager', parseAlertmanagerBody],
    ['cloudevents', createCloudEventsParser(maps.cloudevents)],
    ...named,
  ]);
}
