import type { Random } from '../../../src/base/index.ts';

export function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

/** One of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  // Whole and within the list, so it is a T, be that undefined.
  return list[random.integer(0, list.length - 1)] as T;
}

/** One or more of a list, in its order. */
export function some<T>(random: Random, list: readonly T[]): T[] {
  const chosen = list.filter(() => chance(random, 0.5));
  return chosen.length > 0 ? chosen : [pick(random, list)];
}
