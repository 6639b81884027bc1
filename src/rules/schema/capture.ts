import * as z from 'zod';
import { durationMs } from '../../base/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './parts.ts';

/** What a capture is allowed when neither rule nor request says otherwise. */
export const captureDefaults = {
  via: 'auto',
  timeoutMs: 10 * MINUTE_MS,
  freezeMsMax: 30_000,
} as const;

/** `spec.capture`. */
export const capture = z.strictObject({
  via: z
    .enum(['auto', 'containerd', 'cri', 'kubelet'])
    .default(captureDefaults.via)
    .describe('How the checkpoint is asked for; auto takes the better of those that are there'),
  timeout: durationMs({ min: SECOND_MS, max: DAY_MS })
    .default(captureDefaults.timeoutMs)
    .describe('How long the whole capture may take'),
  freeze: z
    .strictObject({
      max: durationMs({ min: 100, max: HOUR_MS })
        .default(captureDefaults.freezeMsMax)
        .describe(
          'Refuses a capture that is predicted to stand still longer; one that runs is not cut short',
        ),
    })
    .prefault({}),
  sequence: z
    .enum(['auto', 'race', 'calm'])
    .default('auto')
    .describe(
      'race freezes first: sooner, for what is about to die; calm lets CRIU do it. auto races for ' +
        'memory (of a container) and terminating. containerd only, and with a guard process',
    ),
  consistency: z
    .enum(['auto', 'frozen', 'running'])
    .default('auto')
    .describe(
      'When changes of the root file system are taken: while it stands still (longer), or right ' +
        'after. auto is frozen in a race. containerd only',
    ),
  options: z
    .strictObject({
      tcpEstablished: z.boolean().default(false).describe('Dump established TCP connections'),
      fileLocks: z.boolean().default(false).describe('Dump file locks'),
      externalUnixSockets: z
        .boolean()
        .default(false)
        .describe('Dump unix sockets whose other end is outside'),
    })
    .prefault({})
    .describe('What CRIU refuses unless it is asked. containerd only'),
  images: z
    .enum(['disk', 'memory'])
    .default('disk')
    .describe(
      'Where CRIU writes first; memory spares the disk where the node has memory to spare. ' +
        'containerd only',
    ),
});
