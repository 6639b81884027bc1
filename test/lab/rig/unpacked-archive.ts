import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../base/run.ts';
import { type LayerEntry, readLayer } from './layer.ts';

/** An archive in a folder of its own. */
export interface UnpackedArchive {
  folder: string;
  /** All members by name, with their sizes. */
  members: ReadonlyMap<string, number>;
  /** A member that is JSON. */
  json<T>(member: string): T;
  /** The entries of rootfs-diff.tar. */
  changes(): Promise<Map<string, LayerEntry>>;
  remove(): void;
}

export async function unpackArchive(archive: string): Promise<UnpackedArchive> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stillpoint-unpacked-'));
  await run('tar', ['--extract', '--file', archive, '--directory', folder]);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const members = names
    .map((name): [string, number, boolean] => {
      const stat = statSync(path.join(folder, name));
      return [name, stat.size, stat.isFile()];
    })
    .filter(([, , isFile]) => isFile);
  return {
    folder,
    members: new Map(members.map(([name, bytes]) => [name, bytes])),
    json: (member) => JSON.parse(readFileSync(path.join(folder, member), 'utf8')),
    changes: () => readLayer(path.join(folder, 'rootfs-diff.tar')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
