import { entryPoint } from './app-layer.ts';
import type { Manifest } from './names.ts';
import type { OciImage } from './oci.ts';

/** What a container of the image runs as; deploy/Dockerfile says the same. */
export function imageConfig({ version, description, license }: Manifest): OciImage['config'] {
  return {
    // Root, and on its node in all but name: it reads other users' cgroups and sockets of root.
    User: '0:0',
    Env: ['PATH=/usr/sbin:/usr/bin'],
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
