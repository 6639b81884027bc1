import { alertSubjects } from '../../agent/index.ts';
import { type Clock, messageOf, StillpointError, silentLogger } from '../../base/index.ts';
import { connectNats, type NatsConnection, type NatsStatus } from '../../nats/index.ts';
import { type Answer, answerOf, defineCheck } from '../check.ts';
import { type Finding, fail, ok, skipped } from '../line.ts';
import type { Outside } from '../outside.ts';

/** Undefined when no NATS is configured. */
export type NatsFacts =
  | undefined
  | {
      servers: readonly string[];
      connected: Answer<{ server: string }>;
      /** Subjects that may not be listened to, with the words of the server. */
      refused: readonly { subject: string; message: string }[];
    };

const CONNECT_MS_MAX = 7_000;
/** The server refuses a subscription by a message of its own, right away or never. */
const REFUSAL_MS_MAX = 1_000;

/** Whether NATS lets us in and lets us listen to the subjects of the configuration. */
export const natsCheck = defineCheck('nats', askNats, judgeNats);

async function askNats(outside: Outside, signal: AbortSignal): Promise<NatsFacts> {
  const { config, clock, random } = outside;
  if (!config.nats) return undefined;
  const { servers, subjects } = config.nats;
  const name = `stillpoint-doctor/${config.node}`;
  const connection = await answerOf(
    connect(() => connectNats({ ...config.nats, servers, name, clock, random, log: silentLogger })),
  );
  if (!connection.ok) return { servers, connected: connection, refused: [] };
  const nats = connection.value;
  try {
    const connected = await answerOf(untilConnected(nats, clock));
    const refused = connected.ok ? await listen(nats, alertSubjects(subjects), clock, signal) : [];
    return { servers, connected, refused };
  } finally {
    await nats.close();
  }
}

async function connect(make: () => NatsConnection): Promise<NatsConnection> {
  return make();
}

/** Resolves with the server; rejects with why the last try failed. */
function untilConnected(nats: NatsConnection, clock: Clock): Promise<{ server: string }> {
  const done = Promise.withResolvers<{ server: string }>();
  const judge = (status: NatsStatus) => {
    if (status.state === 'connected') done.resolve({ server: status.server });
    if (status.state !== 'disconnected') return;
    const { code, reason: message } = status;
    done.reject(new StillpointError({ code, message }));
  };
  const stopListening = nats.onStatus(judge);
  const cancel = clock.after(CONNECT_MS_MAX, () => {
    const message = `NATS: not connected within ${CONNECT_MS_MAX / 1_000} s`;
    done.reject(new StillpointError({ code: 'timeout', message }));
  });
  judge(nats.status());
  return done.promise.finally(() => {
    stopListening();
    cancel();
  });
}

async function listen(
  nats: NatsConnection,
  subjects: readonly { subject: string }[],
  clock: Clock,
  signal: AbortSignal,
) {
  const refused: { subject: string; message: string }[] = [];
  for (const { subject } of subjects) {
    nats.subscribe(subject, () => undefined, {
      onRefused: (error) => refused.push({ subject, message: messageOf(error) }),
    });
  }
  await clock.sleep(REFUSAL_MS_MAX, signal);
  return refused;
}

export function judgeNats(facts: NatsFacts): Finding[] {
  if (!facts) return [skipped('not-configured', 'no nats in the configuration')];
  const { servers, connected, refused } = facts;
  if (!connected.ok) {
    const { code, message, hint } = connected.error;
    const next = nextOf(code, servers) ?? hint;
    return [fail(code, message, next)];
  }
  if (refused.length === 0) return [ok(`${connected.value.server} lets us listen`)];
  return refused.map(({ subject, message }) => {
    const next = `Give the user of the agent the permission to subscribe to ${subject}.`;
    return fail('forbidden', message, next);
  });
}

function nextOf(code: string, servers: readonly string[]): string | undefined {
  switch (code) {
    case 'unreachable':
    case 'timeout':
      return `Check that a server answers at ${servers.join(', ')} and that a policy lets us through.`;
    case 'unauthorized':
      return 'Check the credentials that nats.credsFile, nkeyFile, tokenFile or user name.';
    case 'tls-untrusted':
      return 'Name the CA of the server in nats.tls.caFile.';
    default:
      return undefined;
  }
}
