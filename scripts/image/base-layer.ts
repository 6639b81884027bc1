import { run } from './process.ts';
import { readTar, type TarEntry } from './tar.ts';

/**
 * What is not needed to run node, or means nothing without a shell: documents other than the
 * copyrights, character set converters (node has its own), debugger scripts, and the empty
 * directories of a machine that people log in to.
 */
const leftOut = [
  /^usr\/share\/doc\/[^/]+\/(?!copyright$)/,
  /^usr\/share\/(base-files|dict|gcc|gdb|info|lintian|man|misc)(\/|$)/,
  /^usr\/lib\/[^/]+\/gconv(\/|$)/,
  /^usr\/(games|include|src)$/,
  /^(boot|home)$/,
  /^etc\/(default|dpkg|issue|issue\.net|profile\.d|skel|update-motd\.d)(\/|$)/,
  /^var\/(backups|cache|local|lock|log|run|spool|lib\/misc)$/,
];

/** What Debian makes when a package is configured, which nothing here does. */
const configured: TarEntry[] = [
  text('etc/passwd', 'root:x:0:0:root:/root:/usr/sbin/nologin\n'),
  text('etc/group', 'root:x:0:\n'),
  text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
];

export interface DebianPackage {
  /** The control file: what dpkg knows of an installed package. */
  control: string;
  entries: TarEntry[];
  /** `MD5  PATH` lines of the package. */
  md5sums: string;
}

/** Reads a .deb without installing it. */
export async function readDeb(file: string): Promise<DebianPackage> {
  const control = readTar(await run('dpkg-deb', ['--ctrl-tarfile', file]));
  const entries = readTar(await run('dpkg-deb', ['--fsys-tarfile', file]));
  const controlText = (name: string) => {
    const found = control.find((entry) => entry.name === name);
    return found?.type === 'file' ? found.data.toString() : '';
  };
  return { control: controlText('control'), entries, md5sums: controlText('md5sums') };
}

/**
 * The base: the packages' files, and for scanners a list of the packages where they look for one
 * in an image without dpkg (`/var/lib/dpkg/status.d`).
 */
export function baseEntries(packages: readonly DebianPackage[]): TarEntry[] {
  const entries = new Map<string, TarEntry>();
  for (const { control, entries: own, md5sums } of packages) {
    const name = /^Package: (\S+)$/m.exec(control)?.[1];
    if (name === undefined) throw new Error('a Debian package has no name in its control file');
    const kept = own.filter((entry) => entry.name !== '' && isKept(entry.name));
    for (const entry of kept) if (!entries.has(entry.name)) entries.set(entry.name, entry);
    const status = `var/lib/dpkg/status.d/${name}`;
    const names = new Set(kept.map((entry) => entry.name));
    const sums = md5sums.split('\n').filter((line) => names.has(line.split('  ')[1] ?? ''));
    entries.set(status, text(status, control));
    entries.set(`${status}.md5sums`, text(`${status}.md5sums`, `${sums.join('\n')}\n`));
  }
  for (const entry of configured) entries.set(entry.name, entry);
  return withDirectories([...entries.values()]);
}

export function isKept(name: string): boolean {
  return !leftOut.some((pattern) => pattern.test(name));
}

/** Adds the directories that no entry names, and sorts: a directory comes before what is in it. */
export function withDirectories(
  entries: readonly TarEntry[],
  there: ReadonlySet<string> = new Set(),
): TarEntry[] {
  const all = new Map(entries.map((entry) => [entry.name, entry]));
  for (const { name } of entries) {
    const parts = name.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (all.has(parent) || there.has(parent)) continue;
      all.set(parent, { type: 'directory', name: parent, mode: 0o755 });
    }
  }
  return [...all.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

export function text(name: string, content: string): TarEntry {
  return { type: 'file', name, mode: 0o644, data: Buffer.from(content) };
}
