import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { makeArchive, makeLayer, type OciImage } from '../../../scripts/image/oci.ts';
import { readTar, type TarEntry } from '../../../scripts/image/tar.ts';

function layerWith(content: string) {
  const file: TarEntry = { type: 'file', name: 'a', mode: 0o644, data: Buffer.from(content) };
  return makeLayer(`a file with ${content}`, [file], 0);
}

function imageWith(content: string): OciImage {
  return {
    reference: 'stillpoint.dev/stillpoint:1.2.3',
    architecture: 'amd64',
    created: '2026-01-01T00:00:00Z',
    config: {
      User: '0:0',
      Env: [],
      Entrypoint: ['/usr/bin/stillpoint'],
      Cmd: ['agent'],
      WorkingDir: '/',
      Labels: {},
    },
    layers: [layerWith('base'), layerWith(content)],
  };
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: object;
}

/** The archive as a reader takes it: by following digests, each of which is proved. */
function openArchive(archive: Buffer) {
  const files = new Map(
    readTar(archive).map((entry) => [entry.name, entry.type === 'file' ? entry.data : undefined]),
  );
  const file = (name: string) => files.get(name) ?? Buffer.alloc(0);
  const blob = ({ digest, size }: Descriptor) => {
    const found = file(`blobs/${digest.replace(':', '/')}`);
    expect(found.length).toBe(size);
    expect(`sha256:${createHash('sha256').update(found).digest('hex')}`).toBe(digest);
    return found;
  };
  const index = JSON.parse(String(file('index.json'))) as { manifests: [Descriptor] };
  const manifest = JSON.parse(String(blob(index.manifests[0]))) as {
    config: Descriptor;
    layers: Descriptor[];
  };
  const config = JSON.parse(String(blob(manifest.config)));
  return { file, index, manifest, config, layers: manifest.layers.map(blob) };
}

describe('the OCI archive', () => {
  const { archive, digest } = makeArchive(imageWith('x'), 0);
  const opened = openArchive(archive);

  it('leads from the index to every layer, whose contents are those of the config', () => {
    const contents = opened.layers.map((layer) => gunzipSync(layer));
    expect(opened.config.rootfs.diff_ids).toEqual(
      contents.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`),
    );
    expect(
      contents.flatMap(readTar).map((entry) => entry.type === 'file' && `${entry.data}`),
    ).toEqual(['base', 'x']);
    expect(opened.config.history).toHaveLength(2);
    expect(String(opened.file('oci-layout'))).toBe('{"imageLayoutVersion":"1.0.0"}');
  });

  it('tells containerd its whole name, others its tag, and the digest it returned', () => {
    expect(opened.index.manifests[0]).toMatchObject({
      digest,
      platform: { architecture: 'amd64', os: 'linux' },
      annotations: {
        'io.containerd.image.name': 'stillpoint.dev/stillpoint:1.2.3',
        'org.opencontainers.image.ref.name': '1.2.3',
      },
    });
  });

  it('runs the command with the agent as what it does when nothing else is said', () => {
    expect(opened.config.config).toMatchObject({
      Entrypoint: ['/usr/bin/stillpoint'],
      Cmd: ['agent'],
      User: '0:0',
    });
  });

  it('can be loaded by docker, from the same blobs', () => {
    const [docker] = JSON.parse(String(opened.file('manifest.json')));
    expect(docker.RepoTags).toEqual(['stillpoint.dev/stillpoint:1.2.3']);
    expect([docker.Config, ...docker.Layers]).toEqual(
      [opened.manifest.config, ...opened.manifest.layers].map(
        (of) => `blobs/${of.digest.replace(':', '/')}`,
      ),
    );
  });

  it('is the same to the byte for the same image, and another for another', () => {
    expect(makeArchive(imageWith('x'), 0).archive.equals(archive)).toBe(true);
    expect(makeArchive(imageWith('y'), 0).digest).not.toBe(digest);
  });

  it('packs layers without a time, a name or the kind of machine', () => {
    const header = layerWith('x').blob.subarray(0, 10);
    // RFC 1952: flags, four bytes of time, extra flags, system (255 is unknown).
    expect(header.subarray(3, 8)).toEqual(Buffer.alloc(5));
    expect(header[9]).toBe(255);
  });
});
