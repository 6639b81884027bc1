import type { Clock, Random } from '../base/index.ts';

/** How the simulated node is built and how fast its parts are. */
export interface SimOptions {
  /** Directory that the sim may fill; made when it is not there. */
  dir: string;
  clock: Clock;
  random: Random;
  /** Default `sim-node`. */
  nodeName?: string;
  cgroupVersion?: 1 | 2;
  cgroupDriver?: 'cgroupfs' | 'systemd';
  /**
   * `cluster`: signed by the cluster's CA, for the address. `selfSigned`: as a kubelet makes it
   * without serving-certificate bootstrap: a CA of its own, for the node's name only.
   */
  kubeletCertificate?: 'cluster' | 'selfSigned';
  /**
   * What answers on the runtime's socket; default containerd 2.4.2 with its own services beside
   * CRI. `cri-o` has CRI alone. An old version says so, and is otherwise the same.
   */
  runtime?: { name: 'containerd' | 'cri-o'; version: string };
  /** How often containers live on by a step; default 20 ms. */
  tickMs?: number;
  checkpoint?: Partial<CheckpointSpeed>;
  backOff?: Partial<BackOffTimes>;
  /** Time between two bookmarks on a watch; default 60 s. */
  bookmarkMs?: number;
  /** The kubelet's local time zone, which archive names carry; default 0 (UTC). */
  utcOffsetMinutes?: number;
  /** KubeletConfiguration.evictionHard; default nodefs.available 1%. */
  evictionHard?: Readonly<Record<string, string>>;
}

/**
 * How long a checkpoint takes: the container stands still for `fixedMs` and for its bytes at
 * `freezeBytesPerSecond` (a quarter of it is CRIU's, the rest is packing), then the archive is
 * written at `writeBytesPerSecond`. Defaults are near what containerd 2.4 needs on a small machine.
 */
export interface CheckpointSpeed {
  fixedMs: number;
  freezeBytesPerSecond: number;
  writeBytesPerSecond: number;
  /** Of a dump through the task service, which packs nothing: CRIU's own time. */
  nativeFixedMs: number;
  nativeBytesPerSecond: number;
  /** Of Tasks.Pause. */
  pauseMs: number;
  /** The archive holds one page of this many that the container has; default 16. */
  pagesScale: number;
}

/** The kubelet's crash-loop back-off; the first restart is at once. Defaults 10 s to 5 min. */
export interface BackOffTimes {
  minMs: number;
  maxMs: number;
}

/** Options with every default filled in. */
export interface SimSettings extends Required<SimOptions> {
  checkpoint: CheckpointSpeed;
  backOff: BackOffTimes;
}

export function withDefaults(options: SimOptions): SimSettings {
  return {
    nodeName: 'sim-node',
    cgroupVersion: 2,
    cgroupDriver: 'cgroupfs',
    kubeletCertificate: 'cluster',
    tickMs: 20,
    bookmarkMs: 60_000,
    utcOffsetMinutes: 0,
    evictionHard: { 'nodefs.available': '1%' },
    runtime: { name: 'containerd', version: 'v2.4.2' },
    ...options,
    checkpoint: {
      fixedMs: 150,
      freezeBytesPerSecond: 350_000_000,
      writeBytesPerSecond: 400_000_000,
      nativeFixedMs: 110,
      nativeBytesPerSecond: 2_500_000_000,
      pauseMs: 10,
      pagesScale: 16,
      ...options.checkpoint,
    },
    backOff: { minMs: 10_000, maxMs: 300_000, ...options.backOff },
  };
}
