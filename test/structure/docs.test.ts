import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { listFiles, readText, repositoryRoot } from './source-tree.ts';

const FOLDERS = 'src|test|rules|proto|scripts|deploy|docs|\\.ci';

/** Paths of this repository that a document names in `code`, or links to. */
function pathsNamedIn(document: string, text: string): string[] {
  const quoted = [...text.matchAll(new RegExp(`\`((?:${FOLDERS})/[\\w./*-]*)\``, 'g'))];
  const linked = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)];
  return [
    ...quoted.map((match) => match[1] ?? ''),
    ...linked.map((match) => join(dirname(document), match[1] ?? '')),
  ].filter((path) => !path.includes('*'));
}

describe('documents', () => {
  const documents = [
    ...['README.md', 'CONTRIBUTING.md'].filter((name) => existsSync(join(repositoryRoot, name))),
    ...['src', 'test', 'rules', 'scripts', 'docs'].flatMap((folder) => listFiles(folder, '.md')),
  ];

  it('name only paths that exist', () => {
    const missing = documents.flatMap((document) =>
      pathsNamedIn(document, readText(document))
        .filter((path) => !existsSync(join(repositoryRoot, path)))
        .map((path) => `${document} names ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('are searched for paths in code and in links', () => {
    const text = 'See `src/rules/step.ts` and [the tests](test/rules/step.test.ts).';
    expect(pathsNamedIn('README.md', text)).toEqual([
      'src/rules/step.ts',
      'test/rules/step.test.ts',
    ]);
  });
});
