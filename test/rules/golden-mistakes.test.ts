import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { formatMistake, parseYaml } from '../../src/base/index.ts';
import { prepareWhere, rulesFromDocuments } from '../../src/rules/index.ts';

const home = join(import.meta.dirname, 'golden');
const nowMs = Date.UTC(2026, 0, 1);

/** `UPDATE_GOLDEN=1` writes what the code says now; look at the difference before you keep it. */
const update = process.env.UPDATE_GOLDEN === '1';

beforeAll(prepareWhere);

describe('every mistake has a small file and its message', () => {
  const names = readdirSync(home).filter((name) => name.endsWith('.yaml'));

  it('has files to look at', () => {
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(names)('%s', (name) => {
    const text = readFileSync(join(home, name), 'utf8');
    const loaded = rulesFromDocuments(parseYaml(text, name), { nowMs });
    const told = loaded.ok ? loaded.warnings : loaded.mistakes;
    const message = `${told.map(formatMistake).join('\n')}\n`;
    const golden = join(home, name.replace(/\.yaml$/, '.txt'));
    if (update) writeFileSync(golden, message);
    expect(told.length).toBeGreaterThan(0);
    expect(message).toBe(readFileSync(golden, 'utf8'));
  });
});
