import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import {
  isStillpointError,
  messageOf,
  nodeCodeOf,
  parseExactJson,
  StillpointError,
} from '../base/index.ts';

/**
 * Where the parts of one archive lie until it is made, for backends that leave that to us:
 * `<checkpointsDirectory>/.stillpoint/images/<archive file name without ".tar">/`. The runtime and
 * the agent see it under the same path.
 */
export interface ImagesFolder {
  root: string;
  /** ImagesManifest, written before the freeze. */
  manifest: string;
  /** CRIU's images, unless the manifest says that they lie elsewhere. */
  checkpoint: string;
  /** CRIU's dump.log and stats-dump. */
  work: string;
  /** An uncompressed OCI layer; absent when there are no changes, or they could not be had. */
  rootfsDiff: string;
  /** DumpedFacts, written after the thaw: its presence means that the dump ended well. */
  dumped: string;
}

export function imagesRoot(checkpointsDirectory: string): string {
  return join(checkpointsDirectory, '.stillpoint', 'images');
}

/** The folder of the archive that will lie at `archivePath`, in the same checkpoints directory. */
export function imagesFolderOf(checkpointsDirectory: string, archivePath: string): string {
  return join(imagesRoot(checkpointsDirectory), basename(archivePath, '.tar'));
}

export function imagesFolder(root: string): ImagesFolder {
  return {
    root,
    manifest: join(root, 'capture.json'),
    checkpoint: join(root, 'checkpoint'),
    work: join(root, 'work'),
    rootfsDiff: join(root, 'rootfs-diff.tar'),
    dumped: join(root, 'dumped.json'),
  };
}

const anyObject = z.record(z.string(), z.unknown());
const wallMs = z.number().nonnegative();

/** What the archive needs to know of the container, as it was before the freeze. */
export const imagesManifestShape = z.object({
  version: z.literal(1),
  containerId: z.string().regex(/^[0-9a-zA-Z_.-]{1,256}$/),
  /** File name of the archive. */
  archive: z.string().min(1).max(255),
  /** Absolute: `checkpoint/` here, or a directory on a tmpfs. */
  imagesDirectory: z.string().startsWith('/').max(4096),
  createdAtMs: wallMs,
  /** The OCI spec, as the runtime's verbose status tells it. */
  spec: anyObject,
  /** CRI's ContainerStatus as containerd writes it into status.dump (snake_case). */
  status: anyObject,
  /** What containerd writes into config.dump. */
  config: anyObject,
  /** Of the container's log; empty when it has none. */
  logPath: z.string().max(4096),
  pid: z.number().int().positive(),
  sequence: z.enum(['race', 'calm']),
  sequenceReason: z.string(),
  consistency: z.enum(['frozen', 'running']),
});

export type ImagesManifest = z.infer<typeof imagesManifestShape>;

/** What is known once the container runs again. */
export const dumpedFactsShape = z.object({
  version: z.literal(1),
  dumpedAtMs: wallMs,
  /** Who froze it for us: nobody but CRIU, the runtime's Pause, or the freezer file. */
  pause: z.enum(['none', 'task', 'freezer']),
  /** From our freeze to our thaw; absent where CRIU alone froze, whose stats-dump tells. */
  stoodStillMs: z.number().nonnegative().optional(),
  files: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('taken'), bytes: z.number().int().nonnegative() }),
    z.object({ kind: z.literal('none') }),
    z.object({ kind: z.literal('missing'), why: z.string() }),
  ]),
  /** The guard process resumed it before we did: what was taken after is not of one moment. */
  guardLapsed: z.literal(true).optional(),
});

export type DumpedFacts = z.infer<typeof dumpedFactsShape>;

/** The OCI spec of a container with thousands of mounts stays far below. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Errors: `not-found`, `bad-input` for whatever we did not write, `io`. */
export function readImagesManifest(folder: string): Promise<ImagesManifest> {
  return readShape(imagesFolder(folder).manifest, imagesManifestShape);
}

/** Undefined when the dump did not end well. Errors: `bad-input`, `io`. */
export async function readDumpedFacts(folder: string): Promise<DumpedFacts | undefined> {
  try {
    return await readShape(imagesFolder(folder).dumped, dumpedFactsShape);
  } catch (error) {
    if (isStillpointError(error, 'not-found')) return undefined;
    throw error;
  }
}

async function readShape<T>(path: string, shape: z.ZodType<T>): Promise<T> {
  const text = await readBounded(path);
  const refuse = (why: string, cause?: unknown): StillpointError =>
    new StillpointError({ code: 'bad-input', message: `${path}: ${why}`, cause });
  let given: unknown;
  try {
    given = parseExactJson(text);
  } catch (cause) {
    throw refuse('is no JSON', cause);
  }
  const parsed = shape.safeParse(given);
  if (parsed.success) return parsed.data;
  throw refuse(z.prettifyError(parsed.error).slice(0, 1_000));
}

/** Never follows a link, never waits for a pipe. */
async function readBounded(path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > FILE_BYTES_MAX) {
      const message = `${path}: is no file of at most ${FILE_BYTES_MAX} bytes`;
      throw new StillpointError({ code: 'bad-input', message });
    }
    return await file.readFile('utf8');
  } catch (error) {
    if (isStillpointError(error)) throw error;
    const errno = nodeCodeOf(error);
    // A link in its place is as little ours as a file of another shape.
    const code = errno === 'ENOENT' ? 'not-found' : errno === 'ELOOP' ? 'bad-input' : 'io';
    throw new StillpointError({ code, message: `${path}: ${messageOf(error)}`, cause: error });
  } finally {
    await file?.close();
  }
}
