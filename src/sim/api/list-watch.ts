import type { ServerResponse } from 'node:http';
import type { Cancel, Clock, Random } from '../../base/index.ts';
import type { Happenings } from '../happenings.ts';
import { sendJson, sendStatus, statusBody, tooOld } from './replies.ts';
import type { Selector } from './selectors.ts';
import type { Change, KubeObject, ObjectStore, Resource } from './store.ts';

export interface ListWatchRequest {
  resource: Resource;
  query: URLSearchParams;
  selector: Selector;
}

interface Snapshot {
  version: number;
  objects: KubeObject[];
}

interface OpenWatch {
  resource: Resource;
  response: ServerResponse;
  end: () => void;
  send: (type: string, object: unknown, name: string) => void;
  stalled: boolean;
}

/** How many lists that are read in pages are remembered. */
const SNAPSHOTS_MAX = 16;

const LIST_KIND: Record<Resource, [apiVersion: string, kind: string]> = {
  pods: ['v1', 'PodList'],
  events: ['v1', 'EventList'],
  nodes: ['v1', 'NodeList'],
  replicasets: ['apps/v1', 'ReplicaSetList'],
  jobs: ['batch/v1', 'JobList'],
};

/** GET of a collection: lists in pages and watches, with the traps of the real ones. */
export class ListWatch {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #happenings: Happenings;
  readonly #bookmarkMs: number;
  readonly #watches = new Set<OpenWatch>();
  readonly #snapshots = new Map<string, Snapshot>();
  #snapshotsMade = 0;
  /** How a watch from too old a version is refused. */
  goneAs: 'status' | 'event' = 'status';

  constructor(parts: {
    store: ObjectStore;
    clock: Clock;
    random: Random;
    happenings: Happenings;
    bookmarkMs: number;
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#happenings = parts.happenings;
    this.#bookmarkMs = parts.bookmarkMs;
  }

  list(request: ListWatchRequest, response: ServerResponse): void {
    const { resource, query, selector } = request;
    const limit = Number(query.get('limit') ?? 0);
    const token = query.get('continue') ?? '';
    const [snapshotId = '', offsetText = '0'] = token === '' ? [] : decodeToken(token);
    const snapshot =
      token === '' ? this.#snapshot(resource, selector) : this.#snapshots.get(snapshotId);
    if (!snapshot) {
      const message = 'The provided continue parameter is too old to display a consistent list.';
      sendStatus(response, 410, message);
      return;
    }
    const from = Number(offsetText);
    const to = limit > 0 ? from + limit : snapshot.objects.length;
    const left = Math.max(0, snapshot.objects.length - to);
    const [apiVersion, kind] = LIST_KIND[resource];
    sendJson(response, 200, {
      kind,
      apiVersion,
      metadata: {
        resourceVersion: String(snapshot.version),
        ...(left > 0 && {
          continue: this.#token(snapshotId, snapshot, to),
          remainingItemCount: left,
        }),
      },
      items: snapshot.objects.slice(from, to),
    });
  }

  watch({ resource, query, selector }: ListWatchRequest, response: ServerResponse): void {
    const asked = query.get('resourceVersion') ?? '';
    const fromNow = asked === '' || asked === '0';
    const version = fromNow ? this.#store.version : Number(asked);
    const backlog = this.#store.changesSince(resource, version);
    if (!backlog && this.goneAs === 'status') {
      sendStatus(response, 410, tooOld(version, this.#store.compacted));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watch = this.#open(resource, query, response);
    this.#happenings.tell('watch-opened', { resource, resourceVersion: asked });
    if (!backlog) {
      watch.send('ERROR', statusBody(410, tooOld(version, this.#store.compacted)), '');
      watch.end();
      return;
    }
    if (fromNow) {
      for (const object of this.#store.list(resource).filter(selector)) {
        watch.send('ADDED', object, object.metadata.name);
      }
    }
    for (const change of backlog) sendChange(watch, selector, change);
    const stop = this.#store.listen(resource, (change) => sendChange(watch, selector, change));
    response.on('close', stop);
  }

  /** Ends open watches: in order, or by tearing the connection. */
  closeWatches(how: 'end' | 'reset' = 'end'): void {
    for (const watch of [...this.#watches]) {
      if (how === 'end') watch.end();
      else watch.response.destroy();
    }
  }

  /** Open watches say nothing more, neither changes nor bookmarks, but stay open. */
  stallWatches(): void {
    for (const watch of this.#watches) watch.stalled = true;
  }

  /** Sends an ERROR event with this status into open watches, which stay open. */
  breakWatches(code: number, message: string): void {
    for (const watch of this.#watches) watch.send('ERROR', statusBody(code, message), '');
  }

  /** Sends a line that is no JSON, or any other text, into open watches. */
  sendRaw(text: string): void {
    for (const watch of this.#watches) watch.response.write(text);
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Pages of lists that were begun can no longer be read. */
  forgetSnapshots(): void {
    this.#snapshots.clear();
  }

  #open(resource: Resource, query: URLSearchParams, response: ServerResponse): OpenWatch {
    const timers: Cancel[] = [];
    const watch: OpenWatch = {
      resource,
      response,
      stalled: false,
      end: () => response.end(),
      send: (type, object, name) => {
        if (watch.stalled || response.writableEnded) return;
        const line = `${JSON.stringify({ type, object })}\n`;
        const monotonicMs = this.#clock.monotonicMs();
        response.write(line);
        this.#happenings.tell('watch-line', { resource, type, name, monotonicMs });
      },
    };
    this.#watches.add(watch);
    // Without timeoutSeconds a real server ends a watch after 30 to 60 minutes.
    const seconds = Number(query.get('timeoutSeconds') ?? this.#random.integer(1_800, 3_600));
    timers.push(this.#clock.after(seconds * 1_000, watch.end));
    if (query.get('allowWatchBookmarks') === 'true') {
      timers.push(this.#clock.every(this.#bookmarkMs, () => this.#bookmark(watch)));
    }
    response.on('close', () => {
      for (const cancel of timers) cancel();
      this.#watches.delete(watch);
      this.#happenings.tell('watch-closed', { resource });
    });
    return watch;
  }

  #bookmark(watch: OpenWatch): void {
    const [apiVersion, listKind] = LIST_KIND[watch.resource];
    const metadata = { resourceVersion: String(this.#store.version), creationTimestamp: null };
    watch.send('BOOKMARK', { kind: listKind.replace(/List$/, ''), apiVersion, metadata }, '');
  }

  #snapshot(resource: Resource, selector: Selector): Snapshot {
    const objects = this.#store.list(resource).filter(selector);
    return { version: this.#store.version, objects };
  }

  #token(id: string, snapshot: Snapshot, offset: number): string {
    const known = id === '' ? String(++this.#snapshotsMade) : id;
    this.#snapshots.set(known, snapshot);
    const [oldest] = this.#snapshots.keys();
    if (this.#snapshots.size > SNAPSHOTS_MAX && oldest !== undefined) {
      this.#snapshots.delete(oldest);
    }
    return Buffer.from(`${known}:${offset}`, 'utf8').toString('base64url');
  }
}

function decodeToken(token: string): string[] {
  return Buffer.from(token, 'base64url').toString('utf8').split(':');
}

/** An object that comes to fit the selector is added for this watch, one that no longer does is gone. */
function sendChange(watch: OpenWatch, selector: Selector, change: Change): void {
  const { object, before, type } = change;
  const name = object.metadata.name;
  const fitted = before !== undefined && selector(before);
  const fits = type !== 'DELETED' && selector(object);
  if (fits) watch.send(fitted ? 'MODIFIED' : 'ADDED', object, name);
  else if (fitted) watch.send('DELETED', object, name);
}
