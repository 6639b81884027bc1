import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ownBinDir } from '../cluster/index.ts';
import type { LabNode } from '../lab-info.ts';
import { newCriu } from '../layout.ts';

/**
 * From the next dump on, the runtime of a node without own paths finds a CRIU that can dump TCP
 * sockets on this kernel. Returns what takes it away again.
 */
export function useNewCriu(node: LabNode): () => void {
  if (node.rootDir !== undefined)
    throw new Error(`${node.name} has own paths: it has its own CRIU`);
  const criu = path.join(ownBinDir(node), 'criu');
  mkdirSync(path.dirname(criu), { recursive: true });
  copyFileSync(newCriu, criu);
  return () => rmSync(criu, { force: true });
}
