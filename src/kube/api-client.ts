/** How the API server is spoken to; one keep-alive connection pool behind it. */
export interface ApiClient {
  /** `https://10.0.0.1:6443`, for messages. */
  readonly server: string;
  /**
   * One request, JSON in and out. Errors: `unreachable`, `timeout`, `unauthorized`, `forbidden`,
   * `not-found`, `conflict`, `expired` (410), `bad-input` (other 4xx), `tls-untrusted`.
   */
  json<T>(request: ApiRequest, signal?: AbortSignal): Promise<T>;
  /**
   * Opens a stream (a watch): resolves once the status line says 200, then yields lines without
   * their newline. A line over 8 MiB ends it with `too-large`. Aborting ends it without an error.
   */
  lines(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<string>>;
  close(): void;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With query: `/api/v1/pods?fieldSelector=…`; every part percent-encoded by the caller. */
  path: string;
  body?: unknown;
  /** Default 15 s for json(), none for lines(). */
  timeoutMs?: number;
}
