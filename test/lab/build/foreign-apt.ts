import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';

/**
 * Packages of another Debian release, unpacked into a folder. Nothing of the machine changes: apt
 * works with lists, a cache and a status file of its own, and nothing is ever installed.
 */
export class ForeignApt {
  readonly dir: string;
  readonly suite: string;
  readonly #options: string[];

  constructor(dir: string, suite: string) {
    this.dir = dir;
    this.suite = suite;
    const of = (name: string) => path.join(dir, name);
    this.#options = [
      `Dir::Etc::SourceList=${of('sources.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${of('lists')}`,
      `Dir::Cache=${of('cache')}`,
      `Dir::State::status=${of('status')}`,
      'APT::Install-Recommends=false',
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
  }

  async prepare(): Promise<void> {
    rmSync(this.dir, { recursive: true, force: true });
    mkdirSync(path.join(this.dir, 'lists/partial'), { recursive: true });
    mkdirSync(path.join(this.dir, 'cache/archives/partial'), { recursive: true });
    writeFileSync(path.join(this.dir, 'status'), '');
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    const source = `deb [signed-by=${keyring}] ${debianMirror()} ${this.suite} main\n`;
    writeFileSync(path.join(this.dir, 'sources.list'), source);
    await run('apt-get', [...this.#options, 'update', '-qq']);
  }

  /** The package that a meta package stands for, such as the newest kernel. */
  async firstDependency(name: string, prefix: string): Promise<string> {
    const { stdout } = await run('apt-cache', [...this.#options, 'depends', name]);
    const found = stdout.match(new RegExp(`Depends: (${prefix}\\S*)`));
    if (found?.[1] === undefined)
      throw new Error(`${name} of ${this.suite} depends on no ${prefix}`);
    return found[1];
  }

  /** Downloads a package, with all it depends on if asked, and unpacks it all into `target`. */
  async unpack(name: string, target: string, options: { dependencies: boolean }): Promise<void> {
    const archives = path.join(this.dir, 'cache/archives');
    if (options.dependencies) {
      await run('apt-get', [...this.#options, 'install', '-y', '-qq', '--download-only', name]);
    } else {
      await run('apt-get', [...this.#options, 'download', '-qq', name], { cwd: archives });
    }
    mkdirSync(target, { recursive: true });
    for (const file of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
      await run('dpkg', ['-x', path.join(archives, file), target]);
    }
  }
}

/** The mirror this machine already uses, so that the lab needs no address of its own. */
function debianMirror(): string {
  const patterns: [file: string, pattern: RegExp][] = [
    ['/etc/apt/sources.list.d/debian.sources', /^URIs:\s*(\S+)/m],
    ['/etc/apt/sources.list', /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/m],
  ];
  for (const [file, pattern] of patterns) {
    const found = existsSync(file) ? readFileSync(file, 'utf8').match(pattern) : null;
    if (found?.[1] !== undefined) return found[1];
  }
  throw new Error(
    'no Debian mirror in /etc/apt/sources.list.d/debian.sources or /etc/apt/sources.list: ' +
      'the lab takes CRIU and its kernel from there, add one',
  );
}
