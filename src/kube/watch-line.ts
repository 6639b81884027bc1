import type { StillpointError } from '../base/index.ts';
import { fromStatus } from './from-http.ts';

/** What every object of the API has; the rest is the caller's to know. */
export interface KubeObject {
  metadata: { uid: string; resourceVersion: string; name?: string; namespace?: string };
}

/** What one line of a watch says. */
export type WatchLine<T> =
  | { kind: 'change'; type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { kind: 'bookmark'; resourceVersion: string }
  /** The version we watch from is no longer kept: list again. */
  | { kind: 'expired'; message: string }
  /** The server gave up for another reason. */
  | { kind: 'error'; error: StillpointError }
  | { kind: 'malformed'; why: string };

/** Judges one line of a watch; never throws. `path` and `server` are for messages. */
export function readWatchLine<T extends KubeObject>(
  line: string,
  asked: { path: string; server: string },
): WatchLine<T> {
  let said: { type?: unknown; object?: unknown } | null;
  try {
    said = JSON.parse(line);
  } catch {
    return { kind: 'malformed', why: `no JSON: ${line.slice(0, 80)}` };
  }
  const object = said?.object;
  switch (said?.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (isKubeObject<T>(object)) return { kind: 'change', type: said.type, object };
      return { kind: 'malformed', why: `${said.type} without uid or resourceVersion` };
    case 'BOOKMARK': {
      const version = (object as KubeObject | undefined)?.metadata?.resourceVersion;
      if (typeof version === 'string') return { kind: 'bookmark', resourceVersion: version };
      return { kind: 'malformed', why: 'BOOKMARK without resourceVersion' };
    }
    case 'ERROR':
      return readError(object, asked);
    default:
      return { kind: 'malformed', why: `unknown type ${JSON.stringify(said?.type)}` };
  }
}

function readError<T>(object: unknown, asked: { path: string; server: string }): WatchLine<T> {
  const code = Number((object as { code?: unknown } | null)?.code) || 500;
  const error = fromStatus(
    { status: code, body: JSON.stringify(object) },
    { method: 'GET', ...asked },
  );
  if (error.code === 'expired') return { kind: 'expired', message: error.message };
  return { kind: 'error', error };
}

/** True for something that can be told apart from others and from its own earlier versions. */
export function isKubeObject<T extends KubeObject>(value: unknown): value is T {
  const metadata = (value as KubeObject | null | undefined)?.metadata;
  return (
    typeof metadata?.uid === 'string' &&
    metadata.uid !== '' &&
    typeof metadata.resourceVersion === 'string'
  );
}
