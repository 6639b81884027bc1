import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheDir, type Platform } from './names.ts';
import { type DebianPin, debianPackages, type Pins } from './pins.ts';
import { run, step } from './process.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The pinned packages as files, in the order of the pins; only absent ones are fetched. */
export async function fetchDebs(
  pins: Pins,
  platform: Platform,
  debsDir = debsDirDefault,
): Promise<string[]> {
  const wanted = pins.debian[platform].map((pin) => ({ pin, file: debPath(debsDir, pin) }));
  const absent = wanted.filter(({ file }) => !existsSync(file));
  if (absent.length > 0) {
    const names = absent.map(({ pin }) => pin.name).join(', ');
    await step(`fetching ${names} of Debian ${pins.suite}`, () =>
      fetchPins(
        debsDir,
        pins,
        platform,
        absent.map(({ pin }) => pin),
      ),
    );
  }
  return wanted.map(({ file }) => file);
}

const debsDirDefault = join(cacheDir, 'debian');

function debPath(debsDir: string, pin: DebianPin): string {
  return join(debsDir, `${pin.sha256}.deb`);
}

/**
 * From the mirror first. It has only the newest version of a package; an older one is at
 * snapshot.debian.org, which keeps every day of every release.
 */
async function fetchPins(
  debsDir: string,
  pins: Pins,
  platform: Platform,
  absent: readonly DebianPin[],
): Promise<void> {
  const versions = absent.map(({ name, version }) => `${name}=${version}`);
  const attempts = [mirrorSources(pins.suite), snapshotSources(pins.suite, pins.date)];
  const failures: string[] = [];
  for (const sources of attempts) {
    const apt = PrivateApt.create(debsDir, sources, platform);
    try {
      await apt.run('apt-get', ['update', '-qq']);
      await apt.run('apt-get', ['download', '-qq', ...versions]);
      adopt(apt.dir, debsDir, absent);
      return;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    } finally {
      apt.remove();
    }
  }
  throw new Error(
    `the Debian packages of scripts/image/pins.json cannot be had:\n${failures.join('\n')}\n` +
      'With the network there and a pin too old for the mirror: npm run image -- --update-pins',
  );
}

/** Moves what was fetched to its place, if it is what the pins say. */
function adopt(fromDir: string, debsDir: string, absent: readonly DebianPin[]): void {
  const fetched = readdirSync(fromDir).filter((name) => name.endsWith('.deb'));
  const bySha = new Map(fetched.map((name) => [sha256Of(join(fromDir, name)), name]));
  for (const pin of absent) {
    const name = bySha.get(pin.sha256);
    if (name === undefined) {
      throw new Error(
        `${pin.name} ${pin.version} was fetched, but its hash is not the pinned ${pin.sha256}`,
      );
    }
    renameSync(join(fromDir, name), debPath(debsDir, pin));
  }
}

function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** The newest version of each package, as Debian's signed lists give it today. */
export async function newestPins(suite: string, platform: Platform): Promise<DebianPin[]> {
  const apt = PrivateApt.create(debsDirDefault, mirrorSources(suite), platform);
  try {
    await apt.run('apt-get', ['update', '-qq']);
    const shown = await apt.run('apt-cache', ['show', '--no-all-versions', ...debianPackages]);
    return debianPackages.map((name) => pinIn(shown.toString(), name));
  } finally {
    apt.remove();
  }
}

function pinIn(shown: string, name: string): DebianPin {
  const fields = shown.split('\n\n').map(controlFields);
  const found = fields.find((of) => of.get('Package') === name);
  const [version, sha256] = [found?.get('Version'), found?.get('SHA256')];
  if (version === undefined || sha256 === undefined) throw new Error(`Debian has no ${name}`);
  return { name, version, sha256 };
}

/** The fields of one paragraph of a Debian control file; of a folded field the first line. */
export function controlFields(paragraph: string): Map<string, string> {
  const found = paragraph.matchAll(/^([A-Za-z0-9-]+): *(.*)$/gm);
  return new Map([...found].map((match) => [match[1] ?? '', match[2] ?? '']));
}

function mirrorSources(suite: string): string[] {
  return [
    `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main`,
    `deb [signed-by=${KEYRING}] http://deb.debian.org/debian-security ${suite}-security main`,
  ];
}

function snapshotSources(suite: string, date: string): string[] {
  // The day after: the pins were taken at some time of their day.
  const day = new Date(Date.parse(date) + 24 * 3_600_000).toISOString();
  const stamp = `${day.slice(0, 10).replaceAll('-', '')}T000000Z`;
  const options = `[signed-by=${KEYRING} check-valid-until=no]`;
  const at = (archive: string) => `https://snapshot.debian.org/archive/${archive}/${stamp}`;
  return [
    `deb ${options} ${at('debian')} ${suite} main`,
    `deb ${options} ${at('debian-security')} ${suite}-security main`,
  ];
}

/**
 * apt with lists, sources and a status of its own: it checks signatures as ever, needs no root,
 * and neither sees nor changes what is installed on this machine.
 */
class PrivateApt {
  readonly dir: string;
  readonly #options: string[];

  private constructor(dir: string, options: string[]) {
    this.dir = dir;
    this.#options = options;
  }

  static create(debsDir: string, sources: readonly string[], platform: Platform): PrivateApt {
    if (!existsSync(KEYRING)) {
      throw new Error(
        `${KEYRING} is not on this machine: install debian-archive-keyring, or build with ` +
          'Docker: docker build -f deploy/Dockerfile .',
      );
    }
    mkdirSync(debsDir, { recursive: true });
    const dir = mkdtempSync(join(debsDir, 'apt-'));
    const of = (name: string) => join(dir, name);
    for (const name of ['lists/partial', 'cache/archives/partial', 'etc']) {
      mkdirSync(of(name), { recursive: true });
    }
    writeFileSync(of('status'), '');
    writeFileSync(of('sources.list'), `${sources.join('\n')}\n`);
    const options = [
      `Dir::Etc::SourceList=${of('sources.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State=${dir}`,
      `Dir::State::Lists=${of('lists')}`,
      `Dir::State::status=${of('status')}`,
      `Dir::Cache=${of('cache')}`,
      `APT::Architecture=${platform}`,
      `APT::Architectures=${platform}`,
      'APT::Sandbox::User=',
      'Acquire::Languages=none',
      'Acquire::Retries=2',
      // A list that cannot be had is the reason to tell, not a package that is then unknown.
      'APT::Update::Error-Mode=any',
    ];
    return new PrivateApt(
      dir,
      options.flatMap((option) => ['-o', option]),
    );
  }

  run(command: 'apt-get' | 'apt-cache', args: readonly string[]): Promise<Buffer> {
    return run(command, [...this.#options, ...args], { cwd: this.dir });
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
