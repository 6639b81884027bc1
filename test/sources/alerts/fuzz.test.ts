import { describe, expect, it } from '@jest/globals';
import { createRandom, type Random } from '../../../src/base/index.ts';
import type { AlertShape } from '../../../src/signal/index.ts';
import { flattenBounds } from '../../../src/sources/alerts/index.ts';
import { falcoAlert } from '../../support/falco-alert.ts';
import { parseAs, payload } from './support.ts';

const SEED = 20_260_101;
const BODIES = 3_000;

const path = ['data.kubernetes.pod.name', 'a.b', '__proto__.x', 'constructor.name', 'length'];
const maps = {
  cloudevents: { pod: path, node: '__proto__' },
  json: { any: { pod: path, containerId: 'data', time: 'timestamp', id: 'id' } },
};
const shapes: readonly AlertShape[] = ['falco', 'alertmanager', 'cloudevents', 'json/any'];
const seeds = [
  falcoAlert(),
  payload('alertmanager.json'),
  payload('cloudevent.json'),
  payload('wazuh.json'),
].map((body) => JSON.stringify(body));
/** What stands in the place of a part of a body. */
const odd = [
  ...['null', '[]', '{}', '""', '-0', '1e400', '12345678901234567890', 'true', '\ud800', '\u0000'],
  ...['{"__proto__":{"a":1}}', '"<NA>"', '[[[[[[[[1]]]]]]]]', '"9999-99-99T00:00:00Z"', '\\u', '"'],
];

function changed(text: string, random: Random): string {
  let result = text;
  for (let n = random.integer(0, 4); n > 0; n--) {
    const from = random.integer(0, result.length);
    const to = Math.min(result.length, from + random.integer(0, 12));
    const put = odd[random.integer(0, odd.length - 1)] ?? '';
    // Half of the time a whole value is changed, so that the JSON stays JSON.
    const value = /:("[^"]*"|[\w.]+)/g;
    value.lastIndex = from;
    const found = random.next() < 0.7 ? value.exec(result) : null;
    result = found
      ? `${result.slice(0, found.index + 1)}${put}${result.slice(found.index + found[0].length)}`
      : `${result.slice(0, from)}${put}${result.slice(to)}`;
  }
  return result;
}

describe('bodies changed at random', () => {
  it.each(shapes)(`of shape %s give bounded signals or a reason (seed ${SEED})`, (shape) => {
    const random = createRandom(SEED);
    let taken = 0;
    for (let n = 0; n < BODIES; n++) {
      const body = changed(seeds[random.integer(0, seeds.length - 1)] ?? '', random);
      const headers = n % 3 === 0 ? { 'ce-specversion': '1.0', 'ce-id': body.slice(0, 9) } : {};
      const parsed = parseAs({ shape, maps, headers }, body);
      if (parsed.kind === 'refused') continue;
      taken++;
      for (const { fields, hints, occurredMs, alertId } of parsed.signals) {
        expect(Object.keys(fields).length).toBeLessThanOrEqual(flattenBounds.fieldsMax + 1);
        expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
        const texts = Object.values(hints);
        expect(texts.every((text) => typeof text === 'string' && text.length <= 253)).toBe(true);
        expect(Number.isFinite(occurredMs) && alertId.length <= 128).toBe(true);
      }
    }
    expect(taken).toBeGreaterThan(BODIES / 50);
  });
});
