/** The kubelet's reply to POST /checkpoint, before it is judged. */
export interface KubeletReply {
  status: number;
  /** Cut to 64 KiB. */
  body: string;
}

/** The kubelet of this node: directly, or through the API server's node proxy. */
export interface KubeletClient {
  /** For messages: `https://10.0.0.5:10250`. */
  readonly address: string;
  /**
   * POST /checkpoint/{namespace}/{pod}/{container}?timeout=…; resolves with any HTTP reply.
   * Throws only `unreachable`, `tls-untrusted`, `cancelled`. Aborting closes the connection, which
   * cancels the call in the kubelet: the container goes on by itself (facts 1.1).
   */
  requestCheckpoint(
    request: { namespace: string; pod: string; container: string; timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<KubeletReply>;
  /** GET /configz: the fields that Stillpoint uses; `forbidden` without nodes/configz. */
  config(): Promise<KubeletConfig>;
  close(): void;
}

export interface KubeletConfig {
  runtimeRequestTimeoutMs: number;
  containerRuntimeEndpoint?: string;
  cgroupDriver?: string;
  cgroupRoot?: string;
  /** `{"nodefs.available": "10%", …}`. */
  evictionHard: Readonly<Record<string, string>>;
}
