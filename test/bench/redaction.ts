import { systemClock } from '../../src/base/index.ts';
import { createRulesCore, step } from '../../src/rules/index.ts';
import type { AlertSignal } from '../../src/signal/index.ts';
import { alert, benchOf, pod, podChanged, START_MS } from '../rules/support/bench.ts';
import { type BenchLine, summarise } from './bench.ts';

/** As many texts of the greatest length as a signal's summary keeps, 48 KiB in all. */
const TEXTS = 12;
const TEXT_CHARS = 4_096;
const SAMPLES = 200;

/** What repeats in the texts: each is meant to make one kind of secret slow to look for. */
const REPEATED: Readonly<Record<string, string>> = {
  'no secret': 'A shell was spawned in a container with an attached terminal (user=root) ',
  'names of secrets': 'password',
  'names in options': '-api-key',
  'names without value': 'token ',
  'values in open quotes': `secret='token="`,
  'options of programs': 'redis-cli -a mysql curl -u ',
  'web tokens that are none': '-eyJ.eyJaaaaaaaa',
  'private keys that end': '-----BEGIN PRIVATE KEY-----END ',
  'addresses that are none': '://a:',
  'all kinds at once':
    'curl -u a:b mysql -px token= "eyJ://a:b@ AKIA ghp_ bearer authorization: pass=_pwd=sshpass -p ',
};

/** The whole decision about an alert, most of which is its redaction. */
export async function* bench(say: (progress: string) => void): AsyncIterable<BenchLine> {
  for (const [name, repeated] of Object.entries(REPEATED)) {
    say(`redaction: ${name}`);
    const samples = measure(hostile(repeated));
    const title = `one decision about an alert of ${TEXTS} texts of ${TEXT_CHARS}: ${name}`;
    yield summarise({ bench: 'redaction', case: title, unit: 'ms', where: 'machine' }, samples);
    await systemClock.sleep(10);
  }
}

function hostile(repeated: string): AlertSignal {
  const text = repeated.repeat(Math.ceil(TEXT_CHARS / repeated.length)).slice(0, TEXT_CHARS);
  const texts = Array.from({ length: TEXTS }, (_, n) => [`output_fields.text${n}`, text]);
  return alert({ fields: { priority: 'Critical', ...Object.fromEntries(texts) } });
}

function measure(signal: AlertSignal): number[] {
  const { core, state, at } = benchOf({
    all: 'when: { alert: { shape: falco, match: [{ field: priority, equals: Critical }] } }\ntarget: {}',
  });
  at(0, podChanged(pod(), true));
  const rules = createRulesCore(core.rules, core.options);
  return Array.from({ length: SAMPLES }, (_, n) => {
    const beganMs = systemClock.monotonicMs();
    step(rules, state, signal, START_MS + n);
    return systemClock.monotonicMs() - beganMs;
  });
}
