import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import { reportError } from '../../src/cli/exit.ts';
import { formatFields, paint, print, processIo } from '../../src/cli/output.ts';
import { formatTable, printable } from '../../src/cli/table.ts';
import { CONTROL, capturedIo } from './rig.ts';

const isTty = process.stdout.isTTY;
afterEach(() => {
  process.stdout.isTTY = isTty;
});

describe('colours', () => {
  it.each<[string, boolean, NodeJS.ProcessEnv, boolean]>([
    ['on a terminal', true, { TERM: 'xterm' }, true],
    ['not into a pipe', false, { TERM: 'xterm' }, false],
    ['not with NO_COLOR', true, { NO_COLOR: '1', TERM: 'xterm' }, false],
    ['with an empty NO_COLOR', true, { NO_COLOR: '', TERM: 'xterm' }, true],
    ['not on a dumb terminal', true, { TERM: 'dumb' }, false],
  ])('are used %s', (_, terminal, env, expected) => {
    process.stdout.isTTY = terminal;
    expect(processIo(env).color).toBe(expected);
  });

  it('are left out where they are not wanted', () => {
    expect(paint(capturedIo(false).io, 'red', 'x')).toBe('x');
    expect(paint(capturedIo(true).io, 'red', 'x')).toBe('\u001b[31mx\u001b[39m');
  });
});

describe('tables', () => {
  it('are as wide as their widest cell, colours not counted', () => {
    const { io } = capturedIo(true);
    const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' as const }];
    const table = formatTable(columns, [
      [paint(io, 'green', 'a'), '1'],
      ['longer', '1000'],
    ]);
    const plain = stripVTControlCharacters(table);
    expect(plain).toBe('NAME    SIZE\na          1\nlonger  1000\n');
  });

  it('say what is missing when they are empty', () => {
    const { io, said } = capturedIo();
    print(io, 'table', [], () => ({ columns: [{ title: 'A' }], rows: [], empty: 'nothing' }));
    expect(said.out).toBe('nothing\n');
  });

  it('are data for machines as JSON and YAML', () => {
    const { io, said } = capturedIo();
    const data = { name: 'a\u001b[2J', list: [1, 2] };
    print(io, 'json', data, () => ({ columns: [], rows: [] }));
    expect(JSON.parse(said.out)).toEqual(data);
    expect(said.out).not.toMatch(CONTROL);
    said.out = '';
    print(io, 'yaml', data, () => ({ columns: [], rows: [] }));
    expect(said.out).toBe('name: "a\\e[2J"\nlist:\n  - 1\n  - 2\n');
  });

  it('of fields leave out what is not known', () => {
    const fields = [
      ['name', 'a'],
      ['longer', undefined],
      ['size', '3'],
    ] as const;
    expect(formatFields(fields)).toBe('name  a\nsize  3\n');
  });
});

describe('text from outside', () => {
  it.each([
    ['a cursor that moves', 'a\u001b[2Jb', 'a\\x1b[2Jb'],
    ['a line that ends', 'a\nb\rc', 'a\\x0ab\\x0dc'],
    ['a C1 control', 'a\u009b31mb', 'a\\x9b31mb'],
    ['an order that is turned round', 'a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['a line that only some terminals end', 'a\u2028b', 'a\\u2028b'],
    ['letters of all scripts', 'grüße 東京', 'grüße 東京'],
  ])('with %s is made visible', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it.each<[string, unknown, number]>([
    ['of ours', new StillpointError({ code: 'not-found', message: 'a\u001b[2Jb\nc' }), 4],
    ['of others', new Error('a\u001b[2Jb'), 1],
    ['that is no error', 'a\u001b[2Jb', 1],
  ])('in an error %s is made visible, lines stay lines', (_, error, code) => {
    const { io, said } = capturedIo();
    expect(reportError(io, error)).toBe(code);
    expect(said.err).toContain('\\x1b[2J');
    expect(said.err).not.toMatch(CONTROL);
    if (code === 4) expect(said.err.split('\n')[1]).toBe('c');
  });
});
