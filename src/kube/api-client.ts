/** How the API server is spoken to; one keep-alive connection pool behind it. */
export interface ApiClient {
  /** `https://10.0.0.1:6443`, for messages. */
  readonly server: string;
  /**
   * One request, JSON in and out. Errors: `unreachable`, `timeout`, `cancelled`, `unauthorized`,
   * `forbidden`, `not-found`, `conflict`, `expired` (410), `bad-input` (other 4xx, or an answer
   * that is no JSON), `too-large`, `tls-untrusted`. A 401 is answered by re-reading our credentials
   * and asking once more, so `unauthorized` means that fresh ones did not help.
   */
  json<T>(request: ApiRequest, signal?: AbortSignal): Promise<T>;
  /**
   * Opens a stream (a watch): resolves once the status line says 200, then yields lines without
   * their newline. A line over 8 MiB ends it with `too-large`, a broken connection with
   * `unreachable`; the server's orderly end just ends it. Aborting ends it without an error.
   */
  lines(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<string>>;
  close(): void;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With query: `/api/v1/pods?fieldSelector=…`; every part percent-encoded by the caller. */
  path: string;
  body?: unknown;
  /** Of the body; default `application/json`. A PATCH names its kind here. */
  contentType?: string;
  /** Default 15 s for json(), none for lines(). */
  timeoutMs?: number;
}
