import type { AlertShape } from '../../signal/index.ts';
import { type FieldMap, firstAt, hintsByMap, scalarOf } from './field-map.ts';
import { type AlertParser, badShape, isObject, notJson, parseJson, toSignal } from './parse.ts';

/** Any JSON object, one alert a body; a map tells where it says what Stillpoint wants to know. */
export function createJsonParser(shape: AlertShape, map: FieldMap): AlertParser {
  return ({ data }, arrival) => {
    const parsed = parseJson(data);
    if (parsed === undefined) return notJson;
    const payload = parsed.value;
    if (!isObject(payload)) return badShape('no alert: it is not a JSON object');
    const at = (path: FieldMap[keyof FieldMap]) => firstAt(payload, path, scalarOf);
    const id = at(map.id);
    const reading = {
      payload,
      hints: hintsByMap(payload, map),
      title: at(map.title),
      severity: at(map.severity),
      time: at(map.time),
      id: id === undefined ? undefined : String(id),
    };
    const signal = toSignal(shape, reading, { ...arrival, hashed: () => data });
    return { kind: 'alerts', signals: [signal] };
  };
}
