import * as z from 'zod';
import {
  API_VERSION,
  byteCount,
  durationMs,
  metadataFields,
  percentRatio,
} from '../../base/index.ts';
import { reasons } from '../../signal/index.ts';
import { alertShape, memoryAmount } from '../schema/index.ts';

/** Kind of the documents that test rules. */
export const RULE_TEST_KIND = 'RuleTest';

const text = z.string().min(1).max(4_096);

function named(pattern: RegExp, allowed: string) {
  return z.string().superRefine((value, context) => {
    if (pattern.test(value)) return;
    context.addIssue({ code: 'custom', message: 'is not understood', params: { allowed } });
  });
}

const NAME = '[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?';
const podName = named(new RegExp(`^${NAME}/${NAME}$`), 'namespace/pod');
const containerName = named(
  new RegExp(`^${NAME}/${NAME}(?:/${NAME})?$`),
  'namespace/pod, or namespace/pod/container',
);

const probe = z.strictObject({
  type: z.enum(['liveness', 'readiness', 'startup']).default('liveness'),
  period: durationMs().default(10_000),
  timeout: durationMs().default(1_000),
  failures: z.int().min(1).default(3).describe('failureThreshold'),
});

const container = z.strictObject({
  name: text,
  type: z.enum(['app', 'init', 'sidecar', 'ephemeral']).default('app'),
  image: text.default('registry.example/app:1'),
  memory: byteCount().optional().describe('The limit'),
  memoryRequest: byteCount().optional(),
  state: z.enum(['running', 'waiting', 'terminated']).default('running'),
  restarts: z.int().min(0).default(0),
  probes: z.array(probe).default([]),
});

const pod = z.strictObject({
  pod: podName,
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  owner: named(/^[A-Z][A-Za-z]*\/[a-z0-9.-]+$/, 'Kind/name, such as Deployment/cart').optional(),
  containers: z
    .array(z.union([text, container]))
    .min(1)
    .default(['app']),
  hostNetwork: z.boolean().default(false),
  static: z.boolean().default(false),
  priority: z.int().default(0).describe('spec.priority'),
  grace: durationMs().default(30_000).describe('terminationGracePeriodSeconds'),
});

const pods = z.array(z.union([podName, pod]));

const memory = z.strictObject({
  of: containerName,
  used: percentRatio({ min: 0 }),
  fullIn: durationMs().optional().describe('Until the limit is reached at the present growth'),
  limit: byteCount().default(256 * 1_048_576),
});

const nodeMemory = z.strictObject({
  available: memoryAmount({ shareMin: 0, shareMax: 1, bytesMin: 0 }).describe(
    'As the kubelet counts memory.available; a percentage is one of the capacity',
  ),
  capacity: byteCount({ min: 1 }).default(8 * 1_073_741_824),
  used: z.record(containerName, byteCount()).default({}).describe('Working sets of containers'),
});

const event = z.strictObject({
  of: containerName,
  reason: text,
  message: z.string().max(4_096).default(''),
  type: z.enum(['Normal', 'Warning']).default('Warning'),
  component: text.optional().describe('Who recorded it'),
  count: z.int().min(1).default(1).describe('How many occurrences are new'),
});

const probeResult = z.strictObject({
  of: containerName,
  type: z.enum(['liveness', 'readiness', 'startup']).default('liveness'),
  failures: z.int().min(0).default(0).describe('Counted by the kubelet since the last look'),
  successes: z.int().min(0).default(0),
});

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const alert = z.strictObject({
  of: containerName.optional().describe('The alert names its container by id; left out: by hints'),
  shape: alertShape.default('falco'),
  fields: z.record(z.string(), scalar).default({}),
  hints: z
    .strictObject({
      containerIdPrefix: text.optional(),
      podUid: text.optional(),
      namespace: text.optional(),
      pod: text.optional(),
      container: text.optional(),
      node: text.optional(),
    })
    .default({}),
});

const crash = z.strictObject({
  of: containerName,
  reason: text.default('Error'),
  exitCode: z.int().default(1),
  backOff: z.boolean().default(false).describe('It waits after that, until a step starts it'),
});

const deletion = z.strictObject({
  of: podName,
  cause: z
    .enum(['drain', 'taint', 'preemption', 'delete'])
    .default('delete')
    .describe('Who deletes it, in the words of `when.terminating.causes`'),
});

const request = z.strictObject({
  of: containerName,
  via: z.enum(['auto', 'containerd', 'cri', 'kubelet']).default('auto'),
  by: text.default('cli uid 0'),
});

const reasonNames = Object.keys(reasons) as [keyof typeof reasons];

const expected = z.strictObject({
  rule: text,
  target: containerName.optional().describe('Left out: any'),
  verdict: z.enum(['fire', 'arm', 'suppress']).optional(),
  reason: z.enum(reasonNames).optional().describe('Neither verdict nor reason: it fires'),
  detail: text.optional().describe('A part of the detail'),
  at: durationMs().optional().describe('When exactly; left out: since the step before'),
});

const signalKeys = [
  'pods',
  'gone',
  'delete',
  'crash',
  'start',
  'memory',
  'nodeMemory',
  'event',
  'probe',
  'alert',
  'request',
];

const step = z
  .strictObject({
    at: durationMs().describe('Since the start of the test'),
    times: z.int().min(1).max(1_000).default(1).describe('The signal comes so many times'),
    every: durationMs({ min: 1 }).default(1_000).describe('With times: in this distance'),
    pods: pods.optional().describe('Pods that come or look like this from now on'),
    gone: podName.optional(),
    delete: z.union([podName, deletion]).optional(),
    crash: z.union([containerName, crash]).optional(),
    start: containerName.optional().describe('A container that waits runs now, in its next life'),
    memory: memory.optional(),
    nodeMemory: nodeMemory.optional(),
    event: event.optional(),
    probe: probeResult.optional(),
    alert: alert.optional(),
    request: z.union([containerName, request]).optional(),
    expect: z
      .array(z.union([text, expected]))
      .default([])
      .describe('Decisions since the step before; one that fires, arms or observes must be named'),
  })
  .superRefine((value, context) => {
    const given = signalKeys.filter((key) => value[key as keyof typeof value] !== undefined);
    if (given.length <= 1) return;
    context.addIssue({
      code: 'custom',
      message: `must hold only one signal, but holds ${given.join(' and ')}`,
      params: { allowed: 'one step for each signal; two may have the same time', at: 'key' },
    });
  });

/** The language of `kind: RuleTest`. */
export const ruleTestSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(RULE_TEST_KIND),
  metadata: metadataFields().partial().optional(),
  rules: z
    .array(text)
    .min(1)
    .optional()
    .describe('Rule files, from where this file lies; default: x.yaml of x.test.yaml'),
  start: z.iso
    .datetime({ error: 'must be a time such as 2026-01-01T00:00:00Z' })
    .default('2026-01-01T00:00:00Z'),
  node: text.default('node-1'),
  mode: z.enum(['enforce', 'observe']).default('enforce').describe('Of the agent'),
  pods: pods.default([]).describe('Pods of every test here'),
  tests: z
    .array(
      z.strictObject({
        name: text,
        pods: pods.default([]).describe('Pods besides those of all tests'),
        steps: z.array(step).min(1),
      }),
    )
    .min(1),
});

/** A test document, checked, with its defaults. */
export type RuleTestDocument = z.output<typeof ruleTestSchema>;
export type RuleTest = RuleTestDocument['tests'][number];
export type TestStep = RuleTest['steps'][number];
export type TestPod = RuleTestDocument['pods'][number];
export type Expected = z.output<typeof expected>;

/** The long form of what may be written as a name. */
export const longForm = {
  pod: (given: TestPod) => (typeof given === 'string' ? pod.parse({ pod: given }) : given),
  container: (given: string | z.output<typeof container>) =>
    typeof given === 'string' ? container.parse({ name: given }) : given,
  crash: (given: string | z.output<typeof crash>) =>
    typeof given === 'string' ? crash.parse({ of: given }) : given,
  deletion: (given: string | z.output<typeof deletion>) =>
    typeof given === 'string' ? deletion.parse({ of: given }) : given,
  request: (given: string | z.output<typeof request>) =>
    typeof given === 'string' ? request.parse({ of: given }) : given,
};
