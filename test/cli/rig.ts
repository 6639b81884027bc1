import { stripVTControlCharacters } from 'node:util';
import type { Io } from '../../src/cli/output.ts';
import { runProgram } from '../../src/cli/program.ts';

/** What one command line did. */
export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs a command line in this process. */
export async function run(...argv: string[]): Promise<Ran> {
  return runWith({ color: false }, ...argv);
}

export async function runWith({ color }: { color: boolean }, ...argv: string[]): Promise<Ran> {
  const { io, said } = capturedIo(color);
  const code = await runProgram(argv, io);
  return { code, ...said };
}

/** An Io that keeps what it is given. */
export function capturedIo(color = false): { io: Io; said: { out: string; err: string } } {
  const said = { out: '', err: '' };
  const io: Io = {
    color,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  };
  return { io, said };
}

/** The rows of a table by their cells; columns are two spaces apart. */
export function rowsOf(table: string): string[][] {
  return stripVTControlCharacters(table)
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
}

/** A control character other than the end of a line. */
export const CONTROL = /(?!\n)\p{Cc}/u;
