import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rulesFileSchema } from '../../src/agent/index.ts';
import { readYaml } from '../../src/base/index.ts';
import { withReference } from './rules-readme.ts';

/** A file that is made out of the code. */
export interface GeneratedDoc {
  /** From the root of the repository. */
  path: string;
  /** What it should hold. */
  text: string;
}

/** All files that are made out of the schema, as they should be. */
export async function generatedDocs(root: string): Promise<GeneratedDoc[]> {
  const readme = 'rules/README.md';
  const { documents } = await readYaml(join(root, 'rules'));
  return [
    { path: 'rules/schema.json', text: `${JSON.stringify(rulesFileSchema(), null, 2)}\n` },
    { path: readme, text: withReference(readFileSync(join(root, readme), 'utf8'), documents) },
  ];
}
