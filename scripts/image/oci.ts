import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type TarEntry, writeTar } from './tar.ts';

/** One layer: its compressed bytes, and the digest of what they unpack to. */
export interface Layer {
  /** What is in it, for the history. */
  purpose: string;
  blob: Buffer;
  diffId: string;
  unpackedBytes: number;
}

export interface OciImage {
  reference: string;
  architecture: string;
  /** RFC 3339. */
  created: string;
  config: {
    User: string;
    Env: readonly string[];
    Entrypoint: readonly string[];
    Cmd: readonly string[];
    WorkingDir: string;
    Labels: Record<string, string>;
  };
  layers: readonly Layer[];
}

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** Packs entries into a layer; the same entries give the same bytes on any machine. */
export function makeLayer(
  purpose: string,
  entries: readonly TarEntry[],
  mtimeSeconds: number,
): Layer {
  const tar = writeTar(entries, mtimeSeconds);
  const blob = gzipSync(tar, { level: 6 });
  // The last byte of the header names the system that packed it: "unknown" everywhere.
  blob[9] = 0xff;
  return { purpose, blob, diffId: digestOf(tar), unpackedBytes: tar.length };
}

/**
 * The archive: an OCI image layout (image-spec v1.1) in a tar, with docker's manifest.json beside
 * it, so that `ctr images import`, `docker load`, `podman load` and `kind load` all take it. The
 * digest is that of the image's manifest, which a cluster names the image by.
 */
export function makeArchive(
  image: OciImage,
  mtimeSeconds: number,
): { archive: Buffer; digest: string } {
  const config = json(imageConfig(image));
  const layers = image.layers.map(({ blob }) => descriptor(mediaTypes.layer, blob));
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(mediaTypes.config, config),
    layers,
  });
  const tag = image.reference.slice(image.reference.lastIndexOf(':') + 1);
  const index = json({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [
      {
        ...descriptor(mediaTypes.manifest, manifest),
        platform: { architecture: image.architecture, os: 'linux' },
        annotations: {
          'io.containerd.image.name': image.reference,
          'org.opencontainers.image.ref.name': tag,
        },
      },
    ],
  });
  const blobs = [manifest, config, ...image.layers.map(({ blob }) => blob)];
  const dockerManifest = json([
    {
      Config: blobPath(config),
      RepoTags: [image.reference],
      Layers: image.layers.map(({ blob }) => blobPath(blob)),
    },
  ]);
  const entries: TarEntry[] = [
    { type: 'directory', name: 'blobs', mode: 0o755 },
    { type: 'directory', name: 'blobs/sha256', mode: 0o755 },
    ...blobs.map((blob) => file(blobPath(blob), blob)),
    file('index.json', index),
    file('manifest.json', dockerManifest),
    file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
  ];
  return { archive: writeTar(entries, mtimeSeconds), digest: digestOf(manifest) };
}

function imageConfig(image: OciImage) {
  return {
    created: image.created,
    architecture: image.architecture,
    os: 'linux',
    config: image.config,
    rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
    history: image.layers.map(({ purpose }) => ({ created: image.created, created_by: purpose })),
  };
}

function file(name: string, data: Buffer): TarEntry {
  return { type: 'file', name, mode: 0o644, data };
}

function descriptor(mediaType: string, blob: Buffer) {
  return { mediaType, digest: digestOf(blob), size: blob.length };
}

function blobPath(blob: Buffer): string {
  return `blobs/${digestOf(blob).replace(':', '/')}`;
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
