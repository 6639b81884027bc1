/** The kubelet's reply to POST /checkpoint, before it is judged (see judgeCheckpointReply). */
export interface KubeletReply {
  status: number;
  /** Cut to 64 KiB. */
  body: string;
}

/** One container as the kubelet's checkpoint endpoint names it. */
export interface CheckpointTarget {
  namespace: string;
  /** The name; static pods under `<name>-<node>`. */
  pod: string;
  container: string;
}

/** The kubelet of this node: directly, or through the API server's node proxy. */
export interface KubeletClient {
  /** For messages: `https://10.0.0.5:10250`. */
  readonly address: string;
  /**
   * POST /checkpoint/{namespace}/{pod}/{container}?timeout=…; resolves with any HTTP reply. It has
   * no time limit of its own: the caller aborts. Throws only `unreachable`, `tls-untrusted`,
   * `cancelled`, and `bad-config`, `unauthorized` or `timeout` when our own credentials cannot be
   * had.
   * Aborting closes the connection, which cancels the call in the kubelet (1.27 and newer): the
   * container goes on by itself. `timeoutSeconds` is a whole number from effectiveTimeoutSeconds.
   */
  requestCheckpoint(
    request: CheckpointTarget & { timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<KubeletReply>;
  /** GET /configz: the fields that Stillpoint uses; `forbidden` without nodes/configz. */
  config(): Promise<KubeletConfig>;
  /**
   * GET /metrics/probes: the Prometheus text, at most 8 MiB of it; `forbidden` without
   * nodes/metrics.
   */
  probeMetrics(signal: AbortSignal): Promise<string>;
  close(): void;
}

/** What Stillpoint uses of the kubelet's running configuration (kubelet.config.k8s.io/v1beta1). */
export interface KubeletConfig {
  runtimeRequestTimeoutMs: number;
  containerRuntimeEndpoint?: string;
  cgroupDriver?: string;
  cgroupRoot?: string;
  /** The feature gate ContainerCheckpoint where it is set explicitly. */
  checkpointGate?: boolean;
  /** false: the kubelet serves no checkpoint endpoint, whatever its gates. */
  debuggingHandlers?: boolean;
  /** `{"nodefs.available": "10%", …}`. */
  evictionHard: Readonly<Record<string, string>>;
}
