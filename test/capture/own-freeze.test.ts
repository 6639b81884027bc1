import { describe, expect, it } from '@jest/globals';
import { freezeForUs } from '../../src/capture/own-freeze.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeContainerState } from '../support/fake-container-state.ts';
import { createRecordingLog } from '../support/recording-log.ts';

describe('a freeze of ours', () => {
  it('goes by the task where no freezer file is seen', async () => {
    const { runtime, cgroup, acts } = createFakeContainerState();
    const { containerd } = runtime;
    const lease = { protect: async () => ({ lapsed: () => false, release: () => undefined }) };
    const { log } = createRecordingLog();
    const tools = { clock: createFakeClock(), log, runtime, containerd, lease };
    const never = new AbortController().signal;
    const attempt = await freezeForUs(tools, { containerId: 'a', cgroup }, never);
    expect(attempt).toMatchObject({ kind: 'frozen', freeze: { frozenBy: 'task' } });
    expect(acts).toEqual(['pause']);
  });
});
