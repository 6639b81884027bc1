/**
 * What a condition knows of its signal that does not stand in the signal itself: `where` sees it as
 * fields of `signal`. Numbers are whole there.
 */
export interface Told {
  nodeMemory: {
    /** Of the node, as the kubelet's memory.available counts it. */
    availableBytes: number;
    capacityBytes: number;
    /** Working set of the whole pod, and what it requests. */
    podUsedBytes: number;
    podRequestBytes: number;
    podPriority: number;
  };
  probe: {
    type: string;
    /** exec, httpGet, tcpSocket or grpc. */
    handler: string;
    /** In a row, with the present one. */
    failures: number;
    failureThreshold: number;
  };
  terminating: {
    /** As in `causes`: drain, taint, preemption or delete. */
    cause: string;
    /** Of the condition DisruptionTarget; empty without one. */
    reason: string;
    graceSeconds: number;
    graceLeftSeconds: number;
  };
  schedule: {
    /** The time of the calendar, `2026-01-01T02:00:00.000Z`. */
    scheduled: string;
    lateSeconds: number;
  };
  request: {
    /** cli or annotation. */
    from: string;
    /** Who, `cli uid 0`; empty for an annotation. */
    by: string;
    /** The value of the annotation; empty from elsewhere. */
    token: string;
  };
  sequence: {
    /** The signals of the first and of the last step, in a few words. */
    first: string;
    last: string;
    tookSeconds: number;
  };
}

/** What one condition tells. */
export type AnyTold = Told[keyof Told];
