import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadAgentConfig } from '../../src/agent/config.ts';
import { createConfigWatch } from '../../src/agent/config-watch.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();
const HEAD = 'apiVersion: stillpoint.dev/v1alpha1\nkind: AgentConfig\n';

/** A configuration as a mounted ConfigMap lays it: a link through `..data`. */
async function rig(body: string) {
  const directory = tempDir();
  let writes = 0;
  const put = (text: string) => {
    const version = join(directory, `..v${++writes}`);
    writeFileSync(version, `${HEAD}${text}`);
    symlinkSync(version, join(directory, 'new'));
    renameSync(join(directory, 'new'), join(directory, '..data'));
  };
  put(body);
  const path = join(directory, 'stillpoint.yaml');
  symlinkSync('..data', path);
  const clock = createFakeClock();
  const { log, lines } = createRecordingLog();
  const load = () => loadAgentConfig({ config: path, node: 'node-1' }, {});
  const modes: string[] = [];
  let looks = 0;
  let ended: () => void = () => undefined;
  const watch = createConfigWatch({
    config: await load(),
    source: {
      path,
      load: () => {
        const loading = load();
        // One turn after the watch has taken what was loaded.
        void loading.then(undefined, () => undefined).then(() => setImmediate(ended));
        looks++;
        return loading;
      },
    },
    clock,
    log,
    onMode: (mode) => modes.push(mode),
  });
  watch.start();
  return {
    watch,
    modes,
    lines,
    looks: () => looks,
    async change(text: string) {
      const end = new Promise<void>((resolve) => {
        ended = resolve;
      });
      put(text);
      await clock.advance(1_000);
      await end;
    },
  };
}

describe('a configuration that changes while the agent runs', () => {
  it('changes the mode at once, and back', async () => {
    const { watch, modes, change, lines } = await rig('mode: observe\n');
    expect(watch.mode()).toBe('observe');
    await change('mode: enforce\n');
    expect(watch.mode()).toBe('enforce');
    await change('mode: observe\n');
    expect(modes).toEqual(['enforce', 'observe']);
    expect(lines.filter(({ event }) => event === 'mode')).toHaveLength(2);
    expect(watch.warnings()).toEqual([]);
    watch.stop();
  });

  it('names what else has changed, until it is as it was', async () => {
    const { watch, change, lines, modes } = await rig('mode: observe\n');
    await change('mode: observe\nlimits: { waiting: 3 }\nnats: { servers: [x] }\n');
    expect(watch.warnings()).toEqual([
      'limits.waiting, nats: changed in the configuration; taken up at the next start of the agent',
    ]);
    expect(modes).toEqual([]);
    await change('mode: observe\n# nothing else\n');
    expect(watch.warnings()).toEqual([]);
    expect(lines.filter(({ event }) => event === 'configuration')).toHaveLength(1);
    watch.stop();
  });

  it('keeps what is in force when the new one is broken, and says so', async () => {
    const { watch, change } = await rig('mode: observe\n');
    await change('mode: enfroce\n');
    expect(watch.mode()).toBe('observe');
    expect(watch.warnings()[0]).toMatch(/cannot be used, that of the start stays: .*mode/s);
    await change('mode: enforce\n');
    expect(watch.mode()).toBe('enforce');
    expect(watch.warnings()).toEqual([]);
    watch.stop();
  });
});

it('an agent without a file keeps its mode', async () => {
  const config = await loadAgentConfig({ node: 'node-1' }, {});
  const { log } = createRecordingLog();
  const clock = createFakeClock();
  const watch = createConfigWatch({ config, clock, log, onMode: () => undefined });
  watch.start();
  await clock.advance(10_000);
  expect(watch.mode()).toBe('enforce');
});
