import { entryPoint } from './app-layer.ts';
import type { Manifest } from './names.ts';
import type { OciImage } from './oci.ts';

/**
 * glibc, told to give freed memory back: one arena, and large blocks as mappings of their own. An
 * agent that hashes a 2.5 GiB archive is resident with 111 MiB instead of 117, and with 100 instead
 * of 106 after 20,000 Events (`npm run bench -- memory`).
 */
export const allocatorEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '65536',
};

/** What a container of the image runs as; deploy/Dockerfile says the same. */
export function imageConfig({ version, description, license }: Manifest): OciImage['config'] {
  return {
    // Root, and on its node in all but name: it reads other users' cgroups and sockets of root.
    User: '0:0',
    Env: [
      'PATH=/usr/sbin:/usr/bin',
      ...Object.entries(allocatorEnvironment).map(([name, value]) => `${name}=${value}`),
    ],
    Entrypoint: [entryPoint],
    Cmd: ['agent'],
    WorkingDir: '/',
    Labels: {
      'org.opencontainers.image.title': 'stillpoint',
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': license,
    },
  };
}
