import type { Agent } from '../../agent/index.ts';
import {
  type Clock,
  createRandom,
  freshSeed,
  StillpointError,
  silentLogger,
} from '../../base/index.ts';
import { connectNats } from '../../nats/index.ts';
import type { NatsServer } from './nats-server.ts';

/** The way that the demo's alerts take to the agent, as falcosidekick would send them. */
export interface AlertDoor {
  describe: string;
  send(alert: unknown): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_MS_MAX = 5_000;

/** Publishes on NATS as falcosidekick does: `falco.<priority>.<rule>`. */
export async function openNatsDoor(server: NatsServer, clock: Clock): Promise<AlertDoor> {
  const connection = await connectNats({
    servers: [server.url],
    name: 'stillpoint-demo/falcosidekick',
    clock,
    random: createRandom(freshSeed()),
    log: silentLogger,
  });
  const untilMs = clock.monotonicMs() + CONNECT_MS_MAX;
  while (connection.status().state !== 'connected' && clock.monotonicMs() < untilMs) {
    await clock.sleep(10);
  }
  return {
    describe: `a real NATS server (${server.program})`,
    async send(alert) {
      const data = new TextEncoder().encode(JSON.stringify(alert));
      const result = connection.publish('falco.critical.terminal_shell_in_container', data);
      if (result.kind === 'refused') throw result.error;
    },
    close: () => connection.close(),
  };
}

/** Posts to the agent's webhook, as falcosidekick's webhook output does. */
export function openWebhookDoor(agent: Agent, token: string): AlertDoor {
  const { address, port } = agent.http();
  return {
    describe: 'the webhook /alerts/falco (no nats-server was found on this machine)',
    async send(alert) {
      const reply = await fetch(`http://${address}:${port}/alerts/falco`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(alert),
      });
      if (reply.ok) return;
      throw new StillpointError({
        code: 'bad-input',
        message: `the agent's webhook answered ${reply.status}: ${await reply.text()}`,
      });
    },
    close: async () => undefined,
  };
}
