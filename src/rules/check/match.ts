import { type Mistake, mistakeAt, type PathPart, type YamlDocument } from '../../base/index.ts';
import { compileFieldMatch } from '../compile/index.ts';
import type { GivenTests } from '../schema/index.ts';

/** A test of a field, and where it is written. */
export interface WrittenTest {
  test: GivenTests & { field: string };
  at: readonly PathPart[];
}

/** The entries of a `match` that stands at `path`. */
export function writtenTests(
  match: readonly WrittenTest['test'][],
  path: readonly PathPart[],
): WrittenTest[] {
  return match.map((test, index) => ({ test, at: [...path, index] }));
}

/** Tests of one field that no value can pass together. */
export function checkMatch(document: YamlDocument, written: readonly WrittenTest[]): Mistake[] {
  const byField = new Map<string, WrittenTest[]>();
  for (const one of written) {
    const same = byField.get(one.test.field) ?? [];
    same.push(one);
    byField.set(one.test.field, same);
  }
  return [...byField.values()].flatMap((ofField) => denied(document, ofField));
}

function denied(document: YamlDocument, written: readonly WrittenTest[]): Mistake[] {
  const values = written.map(({ test }) => valuesOf(test)).find((some) => some !== undefined);
  const [first] = written;
  const last = written.at(-1);
  if (written.length < 2 || !values || !first || !last) return [];
  const compiled = written.map(({ test }) => compileFieldMatch(test));
  if (values.some((value) => compiled.every((one) => one.matches(value)))) return [];
  const message = 'can never match: no value passes all tests of this field';
  const other = { ...document.place(first.at), note: 'the first of them' };
  return [mistakeAt(document, last.at, { message, other })];
}

/** The values of which one must stand there, if the test names them. */
function valuesOf(test: GivenTests): unknown[] | undefined {
  if (test.equals !== undefined) return [test.equals];
  if (test.in !== undefined) return test.in;
  return test.exists === false ? [undefined] : undefined;
}
