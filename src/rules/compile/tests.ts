import { globMatches } from '../../base/index.ts';
import { type IpRange, isInRanges, parseIpRange } from '../ip-range.ts';
import { compilePattern } from '../patterns.ts';
import type { GivenAlert, GivenTests } from '../schema/index.ts';
import { severityRank } from '../severity.ts';
import type { FieldMatch, TextTest } from '../when.ts';

/** The test of a text, compiled; patterns were proved when the schema was checked. */
export function compileTextTest(given: GivenTests): TextTest {
  return { text: describeTests(given), matches: compileTests(given) };
}

/** The test of one field, compiled. */
export function compileFieldMatch({ field, ...given }: GivenTests & { field: string }): FieldMatch {
  const needs = needsOf(given);
  const match = { field, text: `${field} ${describeTests(given)}`, matches: compileTests(given) };
  return needs ? { ...match, needs } : match;
}

/** For the index of alerts. */
function needsOf({ equals, in: allowed, glob }: GivenTests): FieldMatch['needs'] {
  if (equals !== undefined) return { values: [equals] };
  if (allowed !== undefined) return { values: allowed };
  const prefix = glob?.split(/[*?]/, 1)[0] ?? '';
  return prefix === '' ? undefined : { prefix };
}

/** What Alertmanager says of an alert that has ended, nobody means who does not ask for it. */
const FIRING = { field: 'status', equals: 'firing' } as const;

/** The tests of an alert rule, as they are written, and last what goes without saying. */
export function compileAlertMatch({ shape, match = [] }: GivenAlert): FieldMatch[] {
  const asks = match.some(({ field }) => field === FIRING.field);
  const all = shape === 'alertmanager' && !asks ? [...match, FIRING] : match;
  return all.map(compileFieldMatch);
}

function describeTests({ not, ...given }: GivenTests): string {
  if (not) return `not ${describeTests(not)}`;
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`)
    .join(' and ');
}

type Test = (value: unknown) => boolean;

const never: Test = () => false;

/**
 * Exactly one test is given. A value that is missing or null passes none but `exists: false` and
 * `not`.
 */
function compileTests(given: GivenTests): Test {
  if (given.not !== undefined) {
    const inner = compileTests(given.not);
    return (value) => !inner(value);
  }
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
  if (given.number !== undefined) return compileNumber(given.number);
  if (given.cidr !== undefined) return compileRanges([given.cidr].flat());
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

function compileNumber(bounds: NonNullable<GivenTests['number']>): Test {
  const { atLeast, above, atMost, below } = bounds;
  return (value) => {
    const number = numberOf(value);
    if (number === undefined) return false;
    if (atLeast !== undefined && number < atLeast) return false;
    if (above !== undefined && number <= above) return false;
    if (atMost !== undefined && number > atMost) return false;
    return below === undefined || number < below;
  };
}

const NUMBER_CHARS_MAX = 40;

/** Labels and annotations of Alertmanager are texts, and so are Falco's longest numbers. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > NUMBER_CHARS_MAX) return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) ? Number(value) : undefined;
}

function compileRanges(given: readonly string[]): Test {
  const ranges = given.map(parseIpRange).filter((range): range is IpRange => !('why' in range));
  return (value) => typeof value === 'string' && isInRanges(ranges, value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
