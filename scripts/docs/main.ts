/**
 * `npm run docs`: writes what is made out of the schema: rules/schema.json for editors, and the
 * reference in rules/README.md. test/rules/docs.test.ts says when they are stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedDocs } from './generated.ts';

const root = join(import.meta.dirname, '../..');

for (const { path, text } of await generatedDocs(root)) {
  const file = join(root, path);
  const isFresh = readFileSync(file, 'utf8') === text;
  if (!isFresh) writeFileSync(file, text);
  process.stdout.write(`${path}: ${isFresh ? 'is fresh' : 'written'}\n`);
}
