import { styleText } from 'node:util';
import { stringify } from 'yaml';
import { type Column, formatTable, printable, printableLines } from './table.ts';

export type OutputFormat = 'table' | 'json' | 'yaml';
export const outputFormats: readonly OutputFormat[] = ['table', 'json', 'yaml'];

/** Where a command writes to; replaced in tests. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Colours: only on a terminal, and not with NO_COLOR (https://no-color.org). */
  color: boolean;
}

export function processIo(env: NodeJS.ProcessEnv): Io {
  const color = Boolean(process.stdout.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    color,
  };
}

type Style = Parameters<typeof styleText>[0];

/** The text in a colour, where colours are wanted. */
export function paint(io: Io, style: Style, text: string): string {
  return io.color ? styleText(style, text, { validateStream: false }) : text;
}

/** Data for machines. */
export function formatData(format: Exclude<OutputFormat, 'table'>, data: unknown): string {
  return format === 'json' ? `${JSON.stringify(data, null, 2)}\n` : stringify(data);
}

/** Data for machines, or the table that shows it to people. */
export function print<T>(
  io: Io,
  format: OutputFormat,
  data: T,
  table: (data: T) => {
    columns: readonly Column[];
    rows: readonly (readonly string[])[];
    empty?: string;
  },
): void {
  if (format !== 'table') {
    io.out(formatData(format, data));
    return;
  }
  const { columns, rows, empty } = table(data);
  if (rows.length === 0 && empty !== undefined) {
    io.out(`${empty}\n`);
    return;
  }
  io.out(formatTable(columns, rows));
}

/** `key   value` lines, for one object; values that are undefined are left out. */
export function formatFields(fields: readonly (readonly [string, string | undefined])[]): string {
  const shown = fields.filter(
    (field): field is readonly [string, string] => field[1] !== undefined,
  );
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

export { printable, printableLines };
