/**
 * IP addresses and ranges of them. Each address is eight words of 16 bits; one of IPv4 stands in
 * the place that IPv6 has for it (::ffff:0:0/96, RFC 4291 2.5.5.2), so that both meet.
 */

type Words = readonly number[];

/** A range in CIDR notation. */
export interface IpRange {
  words: Words;
  /** Of the eight words: 0 to 128. */
  bits: number;
}

const V4_PREFIX = [0, 0, 0, 0, 0, 0xffff];
const V4_BITS = 96;
const TEXT_CHARS_MAX = 80;

/**
 * The range of `10.0.0.0/8`, `fd00::/8`, or of one address; else why it is none, with the text
 * that was probably meant.
 */
export function parseIpRange(text: string): IpRange | { why: string; suggestion?: string } {
  const [address = '', length, ...more] = text.split('/');
  const words = wordsOf(address);
  if (!words || more.length > 0) return { why: 'is no address and no range of addresses' };
  const bitsMax = address.includes(':') ? 128 : 32;
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= bitsMax)) {
    return { why: `must end in / and a number from 0 to ${bitsMax}` };
  }
  const given = length === undefined ? bitsMax : Number(length);
  const bits = bitsMax === 32 ? given + V4_BITS : given;
  const first = words.map((word, index) => word & maskOf(bits, index));
  if (first.every((word, index) => word === words[index])) return { words, bits };
  return { why: 'has bits after its length', suggestion: `${showWords(first, bitsMax)}/${given}` };
}

/** Whether the address is in one of the ranges. With a port it is taken without it. */
export function isInRanges(ranges: readonly IpRange[], text: string): boolean {
  const words = text.length > TEXT_CHARS_MAX ? undefined : wordsOf(withoutPort(text));
  return words !== undefined && ranges.some((range) => isInRange(range, words));
}

function isInRange(range: IpRange, words: Words): boolean {
  return words.every(
    (word, index) => (word & maskOf(range.bits, index)) === (range.words[index] ?? 0),
  );
}

/** The bits of the word at `index` that a length of `bits` covers. */
function maskOf(bits: number, index: number): number {
  const covered = Math.min(16, Math.max(0, bits - index * 16));
  return (0xffff << (16 - covered)) & 0xffff;
}

/** `10.0.0.1:8080` and `[fd00::1]:8080`, as they stand in Prometheus' label `instance`. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text);
  if (bracketed) return bracketed[1] ?? '';
  return /^[\d.]+:\d{1,5}$/.test(text) ? text.slice(0, text.indexOf(':')) : text;
}

function wordsOf(text: string): Words | undefined {
  if (!text.includes(':')) {
    const pair = wordsOfV4(text);
    return pair && [...V4_PREFIX, ...pair];
  }
  // A zone (fe80::1%eth0) names an interface, not another address.
  const [address = ''] = text.split('%', 1);
  const [head = '', tail, ...more] = address.split('::');
  if (more.length > 0) return undefined;
  const before = wordsOfGroups(head, tail === undefined);
  const after = tail === undefined ? [] : wordsOfGroups(tail, true);
  if (!before || !after) return undefined;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

function wordsOfGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const words: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      words.push(Number.parseInt(group, 16));
      continue;
    }
    const pair = isLast && index === groups.length - 1 ? wordsOfV4(group) : undefined;
    if (!pair) return undefined;
    words.push(...pair);
  }
  return words;
}

function wordsOfV4(text: string): [number, number] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) {
    return undefined;
  }
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
  if (Math.max(a, b, c, d) > 255) return undefined;
  return [a * 256 + b, c * 256 + d];
}

function showWords(words: Words, bitsMax: number): string {
  if (bitsMax === 32) {
    return words
      .slice(6)
      .flatMap((word) => [word >> 8, word & 0xff])
      .join('.');
  }
  const text = words.map((word) => word.toString(16)).join(':');
  return text.replace(/(^|:)0(:0)+$/, '::');
}
