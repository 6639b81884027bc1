import * as z from 'zod';
import { API_VERSION, byteCount, messageOf, nameGlob, shaped } from '../base/index.ts';
import { createRedactor, limitDefaults, secretFields } from '../rules/index.ts';
import { alertSubject, alerts, refineSubjects } from './alerts-config.ts';

/** An absolute path on the node. */
function absolutePath() {
  const allowed = 'a path that begins with /';
  const checked = z.string().superRefine((text, context) => {
    if (text.startsWith('/') && !text.includes('\0') && text.length <= 4_096) return;
    const params = { allowed };
    context.addIssue({ code: 'custom', message: 'is not an absolute path', params });
  });
  return shaped(checked, { title: 'absolute path', allowed, pattern: '^/' });
}

const count = (min: number, max: number) => z.int().min(min).max(max);

const tls = z.strictObject({
  ca: absolutePath().optional().describe("CA of the kubelet's certificate; default: the cluster's"),
  serverName: z.string().min(1).optional().describe('Name in the certificate; default: the node'),
  pin: absolutePath()
    .optional()
    .describe(
      'A certificate (PEM) to accept besides those of the CA, where the kubelet signs its own',
    ),
});

const kubelet = z.strictObject({
  address: z
    .url({ protocol: /^https$/, error: 'must be a URL such as https://10.0.0.5:10250' })
    .optional()
    .describe('Default: the InternalIP of the node and port 10250'),
  through: z
    .enum(['direct', 'api-server'])
    .default('direct')
    .describe('api-server: the node proxy, for trying out; it needs far wider rights'),
  tls: tls.prefault({}),
});

const runtime = z.strictObject({
  socket: absolutePath().default('/run/containerd/containerd.sock'),
  root: absolutePath().default('/var/lib/containerd').describe('Where the runtime stores content'),
  tmp: absolutePath().default('/tmp').describe("The runtime's TMPDIR: CRIU images pass through it"),
});

const nats = z.strictObject({
  servers: z.array(z.string().min(1)).min(1).describe('nats://host:4222, tls://host:4222'),
  subjects: z
    .array(alertSubject)
    .min(1)
    .default(['falco.>'])
    .describe(
      'Subjects, each with the shape of its alerts; a text alone is of shape falco. Default: ' +
        'where falcosidekick publishes (falco.<priority>.<rule>)',
    ),
  credsFile: absolutePath().optional(),
  nkeyFile: absolutePath().optional(),
  tokenFile: absolutePath().optional(),
  user: z.strictObject({ name: z.string().min(1), passwordFile: absolutePath() }).optional(),
  tls: z
    .strictObject({
      caFile: absolutePath().optional(),
      certFile: absolutePath().optional(),
      keyFile: absolutePath().optional(),
    })
    .optional(),
  outcomes: z.boolean().default(true).describe('Publish stillpoint.outcomes.<node>'),
});

const http = z.strictObject({
  address: z.string().min(1).default('0.0.0.0'),
  port: count(0, 65_535).default(9_466),
  alertsTokenFile: absolutePath()
    .optional()
    .describe('Without it /alerts/* takes nothing: it is never open to all'),
  metricsTokenFile: absolutePath().optional(),
});

const guard = z.strictObject({
  socket: absolutePath()
    .optional()
    .describe('Where the guard process listens; default: guard.sock beside `socket`'),
  run: z
    .enum(['auto', 'child', 'sidecar', 'none'])
    .default('auto')
    .describe(
      'Who runs the guard process. auto: a sidecar where $STILLPOINT_GUARD says so, else a child ' +
        'of the agent. none: nobody, and the agent never pauses a container',
    ),
});

const limits = z.strictObject({
  capturesPerHour: count(1, 100_000).default(6).describe('On this node, over all rules'),
  waiting: count(1, 1_000).default(32).describe('Triggers that may wait for their turn'),
});

const defaults = z.strictObject({
  limits: limitDefaults.prefault({}).describe('For every rule that does not give its own'),
});

const deny = z.strictObject({
  namespaces: z
    .array(nameGlob())
    .default([])
    .describe('Globs on namespaces never captured from, besides those that are always denied'),
});

function redactPattern() {
  return z.string().superRefine((pattern, context) => {
    try {
      createRedactor({ patterns: [pattern] });
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: messageOf(error),
        params: { allowed: 'a regular expression in RE2 syntax' },
      });
    }
  });
}

const redact = z.strictObject({
  fields: z
    .array(z.string().min(1).max(200))
    .max(100)
    .default([...secretFields])
    .describe('Globs on the paths of alert fields whose values are kept nowhere'),
  patterns: z
    .array(redactPattern())
    .max(50)
    .default([])
    .describe(
      'RE2: what matches in a text is kept nowhere, besides tokens and keys known by sight',
    ),
});

const record = z.strictObject({
  path: absolutePath().default('/var/lib/stillpoint/recording.ndjson'),
  maxBytes: byteCount({ min: 4 * 1_048_576, max: 16 * 1_073_741_824 })
    .default(64 * 1_048_576)
    .describe('Of the file and the one before it together'),
  redact: z
    .boolean()
    .default(true)
    .describe('Without secrets; a rule that looks at one may decide otherwise in a replay'),
});

const agentConfig = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('AgentConfig'),
  metadata: z.unknown().optional(),
  mode: z
    .enum(['enforce', 'observe'])
    .default('enforce')
    .describe('observe: rules decide and are told of, but nothing is captured'),
  node: z.string().min(1).optional().describe('Default: $NODE_NAME, else the host name'),
  rulesDir: absolutePath().default('/etc/stillpoint/rules'),
  rootDir: absolutePath().default('/var/lib/kubelet').describe("The kubelet's --root-dir"),
  checkpointsDir: absolutePath().optional().describe('Default: checkpoints below rootDir'),
  memoryDir: absolutePath()
    .default('/run/stillpoint/images')
    .describe('Images that a rule wants in memory: on a tmpfs, the same path for the runtime'),
  stateDir: absolutePath().default('/var/lib/stillpoint'),
  socket: absolutePath().default('/run/stillpoint/agent.sock'),
  kubernetes: z
    .strictObject({
      kubeconfig: absolutePath().optional().describe('Default: in-cluster, else $KUBECONFIG'),
      context: z.string().min(1).optional(),
    })
    .prefault({}),
  kubelet: kubelet.prefault({}),
  runtime: runtime.prefault({}),
  cgroupRoot: absolutePath().default('/sys/fs/cgroup'),
  procRoot: absolutePath().default('/proc'),
  nats: nats.optional().describe('Left out: no alerts from NATS'),
  http: http.prefault({}),
  alerts: alerts.prefault({}),
  guard: guard.prefault({}),
  limits: limits.prefault({}),
  defaults: defaults.prefault({}),
  deny: deny.prefault({}),
  redact: redact.prefault({}),
  record: record.optional().describe('Left out: signals are not recorded'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** `stillpoint.yaml`: how the agent of one node is set up. Every key has a default. */
export const agentConfigSchema = agentConfig.superRefine(refineSubjects);

/** The configuration with all defaults filled in, before environment and flags. */
export type AgentConfigFile = z.output<typeof agentConfigSchema>;

/** The configuration that an agent runs with. */
export type AgentConfig = Omit<
  AgentConfigFile,
  'apiVersion' | 'kind' | 'metadata' | 'node' | 'checkpointsDir'
> & {
  node: string;
  checkpointsDir: string;
};

/** Whether rules capture; see `mode` of the configuration. */
export type AgentMode = AgentConfig['mode'];
