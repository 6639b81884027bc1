import { stripVTControlCharacters } from 'node:util';

/** A column: its heading, and on which side its cells stand. */
export interface Column {
  title: string;
  align?: 'left' | 'right';
}

/**
 * A plain table for people: columns as wide as their widest cell, two spaces between, no lines.
 * Cells may hold colours. Control characters that come from outside are made visible, so that a
 * name cannot move the cursor of a terminal.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const all = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, index) =>
    Math.max(...all.map((row) => widthOf(row[index] ?? ''))),
  );
  const lines = all.map((row) =>
    columns
      .map(({ align }, index) => {
        const cell = row[index] ?? '';
        const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - widthOf(cell)));
        return align === 'right' ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

/** The same for a text of several lines, which stay lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/**
 * Text from outside, safe to print: control characters, and those that turn the order of what is
 * read (https://trojansource.codes), come out as `\x1b` and `\u202e`.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code}`;
  });
}

const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
