import { globMatches } from '../base/index.ts';
import { compilePattern } from './patterns.ts';
import type { GivenTests } from './schema/index.ts';
import { severityRank } from './severity.ts';
import type { FieldMatch, TextTest } from './when.ts';

/** The test of a text, compiled; patterns were proved when the schema was checked. */
export function compileTextTest(given: GivenTests): TextTest {
  return { text: describeTests(given), matches: compileTests(given) };
}

/** The test of one alert field, compiled. */
export function compileFieldMatch({ field, ...given }: GivenTests & { field: string }): FieldMatch {
  return { field, text: `${field} ${describeTests(given)}`, matches: compileTests(given) };
}

function describeTests(given: GivenTests): string {
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`)
    .join(' and ');
}

type Test = (value: unknown) => boolean;

const never: Test = () => false;

/** Exactly one test is given. A value that is missing or null passes none but `exists: false`. */
function compileTests(given: GivenTests): Test {
  if (given.exists !== undefined) {
    const wanted = given.exists;
    return (value) => (value !== undefined && value !== null) === wanted;
  }
  if (given.severityAtLeast !== undefined) {
    const least = severityRank(given.severityAtLeast) ?? -1;
    return (value) => (severityRank(value) ?? Number.POSITIVE_INFINITY) <= least;
  }
  if (given.equals !== undefined) {
    const { equals } = given;
    return (value) => value === equals;
  }
  if (given.in !== undefined) {
    const allowed = new Set<unknown>(given.in);
    return (value) => allowed.has(value);
  }
  return compileTextual(given);
}

function compileTextual(given: GivenTests): Test {
  if (given.glob !== undefined) {
    const { glob } = given;
    return (value) => isScalar(value) && globMatches(glob, String(value));
  }
  if (given.contains !== undefined) {
    const { contains } = given;
    return (value) => isScalar(value) && String(value).includes(contains);
  }
  const pattern = compilePattern(given.re2 ?? '');
  return pattern.ok ? (value) => isScalar(value) && pattern.test(String(value)) : never;
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
