import { describe, expect, it } from '@jest/globals';
import { formatMistake, parseYaml, showPath } from '../../src/base/index.ts';

const head = 'apiVersion: stillpoint.dev/v1alpha1\nkind: Thing\n';

describe('YAML documents', () => {
  it('are split, and empty ones skipped', () => {
    const { documents, mistakes } = parseYaml(
      `${head}a: 1\n---\n# nothing\n---\n${head}a: 2\n`,
      'f',
    );
    expect(mistakes).toEqual([]);
    expect(documents.map(({ kind, value }) => [kind, value.a])).toEqual([
      ['Thing', 1],
      ['Thing', 2],
    ]);
  });

  it('know where each part was written, through aliases too', () => {
    const text = `${head}base: &b { x: 1 }\nlist:\n  - y\n  - *b\n`;
    const [document] = parseYaml(text, 'f.yaml').documents;
    const placeOf = (path: (string | number)[], of?: 'key') => {
      const place = document?.place(path, of);
      return `${place?.line}:${place?.column} ${place?.excerpt?.text.slice(place.column - 1, place.column - 1 + (place.excerpt?.width ?? 0))}`;
    };
    expect(placeOf(['kind'])).toBe('2:7 Thing');
    expect(placeOf(['kind'], 'key')).toBe('2:1 kind');
    expect(placeOf(['list', 0])).toBe('5:5 y');
    expect(placeOf(['list', 1, 'x'])).toBe('3:15 1');
    expect(placeOf(['list', 7])).toBe('4:1 list');
    expect(placeOf(['base', 'missing', 'deeper'])).toBe('3:1 base');
    expect(placeOf([])).toMatch(/^1:1 /);
  });

  it('tell every mistake of every document and keep the good ones', () => {
    const { documents, mistakes } = parseYaml(`${head}a: 1\na: 2\n---\n${head}\n---\n[\n`, 'f');
    expect(documents).toHaveLength(1);
    expect(mistakes.map(({ line }) => line)).toEqual([4, 11]);
  });

  const hostile: [name: string, text: string, message: string][] = [
    ['brackets', '['.repeat(500_000), 'is nested more than 200 levels deep'],
    ['braces', 'a: {'.repeat(200_000), 'is nested more than 200 levels deep'],
    ['compact lists', '- '.repeat(500_000), 'is nested more than 200 levels deep'],
    ['documents', '---\n'.repeat(200_000), 'holds 200000 documents; at most 5000 are read'],
  ];
  it.each(hostile)('refuse too many %s before they are parsed', (_name, text, message) => {
    expect(parseYaml(text, 'f')).toMatchObject({ documents: [], mistakes: [{ message, line: 0 }] });
  });

  it('do not fall to nesting that is below the bound', () => {
    const text = `${head}a: ${'['.repeat(199)}${']'.repeat(199)}\n`;
    expect(parseYaml(text, 'f').documents).toHaveLength(1);
  });

  it('refuse the key __proto__ wherever it stands', () => {
    const { documents, mistakes } = parseYaml(`${head}a: { __proto__: { evil: true } }\n`, 'f');
    const message = 'the key "__proto__" is allowed nowhere';
    expect({ documents, mistakes }).toMatchObject({ documents: [], mistakes: [{ message }] });
    expect(({} as Record<string, unknown>).evil).toBeUndefined();
  });

  it('with Windows line ends are shown without them', () => {
    const { mistakes } = parseYaml('apiVersion: x\r\nkind: Thing\r\n', 'f');
    expect(mistakes.map(formatMistake)).toEqual([
      [
        'f:1:13: apiVersion: is not known',
        '   1 | apiVersion: x',
        '     |             ^',
        '  given: "x"',
        '  allowed: stillpoint.dev/v1alpha1',
      ].join('\n'),
    ]);
  });
});

describe('a path', () => {
  it('is written so that keys with dots stay one part', () => {
    expect(showPath(['spec', 'match', 0, 'a.b'])).toBe('spec.match[0]."a.b"');
  });
});
