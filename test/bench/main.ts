/**
 * `npm run bench` lists the benches; `npm run bench -- NAME` runs one: JSON lines on stdout,
 * progress on stderr, nothing else. Speed is measured here and never in a timed test.
 */
import type { Bench } from './bench.ts';

interface Entry {
  about: string;
  load: () => Promise<{ bench: Bench }>;
}

const benches: Record<string, Entry> = {
  latency: {
    about:
      'sim: from a watch line or NATS message to the request at the backend, 1,000 signals; ' +
      'from memory to our freeze',
    load: () => import('./latency.ts'),
  },
  memory: {
    about: 'sim: resident memory of the bundled agent: idle, after 20,000 Events, while hashing',
    load: () => import('./memory.ts'),
  },
  sampling: {
    about: 'machine: share of one core that memory sampling costs',
    load: () => import('./sampling.ts'),
  },
  freeze: {
    about: 'lab: how long a container stands still, the whole capture and its disk, on every path',
    load: () => import('./freeze.ts'),
  },
  rules: {
    about: 'machine: signals a second through the rules core',
    load: () => import('./rules.ts'),
  },
  redaction: {
    about:
      'machine: time to take the secrets out of an alert as large as is kept, hostile ones too',
    load: () => import('./redaction.ts'),
  },
  soak: {
    about: 'lab: memory and CPU of the installed pod, idle and under mixed load; --minutes 60',
    load: () => import('./soak.ts'),
  },
};

const [name, ...args] = process.argv.slice(2);
const entry = name === undefined ? undefined : benches[name];
if (entry === undefined) {
  const width = Math.max(...Object.keys(benches).map((key) => key.length));
  const list = Object.entries(benches).map(
    ([key, { about }]) => `  ${key.padEnd(width)}  ${about}\n`,
  );
  process.stderr.write(`Benches (npm run bench -- NAME):\n${list.join('')}`);
  process.exit(name === undefined ? 0 : 2);
}
// What was started is undone when the process exits, and only then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write(`${signal}: stopping\n`);
    process.exit(130);
  });
}
const { bench } = await entry.load();
const say = (progress: string) => void process.stderr.write(`${progress}\n`);
for await (const line of bench(say, args)) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.exit(0);
