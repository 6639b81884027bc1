import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Platform, repositoryRoot } from './names.ts';

/** One Debian package of an exact version; the hash is the one that Debian's signed lists give. */
export interface DebianPin {
  name: string;
  version: string;
  sha256: string;
}

/** node for one processor: its npm package, and the program in it. */
export interface NodePin {
  /** `sha512-…` of the package, as npm gives it. */
  integrity: string;
  sha256: string;
}

/**
 * Everything in the image that is not in this repository or in package-lock.json, to the byte:
 * scripts/image/pins.json, written by `npm run image -- --update-pins`.
 */
export interface Pins {
  /** The Debian release that the base comes from. */
  suite: string;
  /** The day the pins were taken; the date of every file in the image. */
  date: string;
  debian: Record<Platform, DebianPin[]>;
  node: { version: string; binaries: Record<Platform, NodePin> };
}

/**
 * What node needs of Debian (the libraries that `ldd` names, with what these depend on), and
 * base-files for the root directory, os-release and the texts of the licences. No certificates:
 * node brings Mozilla's; no time zones: node brings ICU with its own.
 */
export const debianPackages = ['base-files', 'gcc-14-base', 'libc6', 'libgcc-s1', 'libstdc++6'];

/** The release of Debian that security updates come for longest. */
export const debianSuite = 'trixie';

const pinsPath = join(repositoryRoot, 'scripts/image/pins.json');

export function readPins(): Pins {
  return JSON.parse(readFileSync(pinsPath, 'utf8')) as Pins;
}

export function writePins(pins: Pins): void {
  writeFileSync(pinsPath, `${JSON.stringify(pins, null, 2)}\n`);
}

/** Seconds since 1970 that every file and the image itself are dated with. */
export function imageTimeSeconds(pins: Pins): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given === undefined || given === '') return Date.parse(pins.date) / 1000;
  if (/^\d{1,11}$/.test(given)) return Number(given);
  throw new Error(`SOURCE_DATE_EPOCH is "${given}": it takes whole seconds since 1970`);
}
