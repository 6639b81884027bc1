import { describe, expect, it } from '@jest/globals';
import { recoverCaptures } from '../../../src/capture/index.ts';
import type { ContainerCgroup } from '../../../src/node/index.ts';
import type { Target } from '../../../src/signal/index.ts';
import { ctr, waitFor } from '../lib/index.ts';
import { useCaptureRig } from './capture-rig.ts';
import { cgroupOf } from './lab-node.ts';

/** The states in which a crash can leave a container, and their cures; on either cgroup version. */
export function leftFrozenSuite(sizeMb: number): void {
  describe('what was left frozen on the real node', () => {
    const rig = useCaptureRig();

    /** A container, its cgroup, and a journal that says that we were checkpointing it. */
    const setUp = async (name: string) => {
      const target = await rig.startHog(name, sizeMb);
      const cgroup = await cgroupOf(rig.clients, target.containerId);
      const trigger = rig.triggerOn(target);
      rig.journal.note(trigger.id, 'checkpointing');
      const entries = rig.journal.unfinished().filter((entry) => entry.trigger.id === trigger.id);
      return { target, cgroup, entries };
    };
    const pause = (target: Target) => ctr(rig.clients.node, ['tasks', 'pause', target.containerId]);
    const freezerState = (cgroup: ContainerCgroup) =>
      rig.clients.probe.cgroups.freezerState(cgroup);
    const setFreezer = async (cgroup: ContainerCgroup, wanted: 'frozen' | 'thawed') => {
      rig.clients.probe.cgroups.setFreezer(cgroup, wanted);
      await waitFor(`the freezer to be ${wanted}`, () => freezerState(cgroup) === wanted);
    };
    const expectRuns = async (target: Target, cgroup: ContainerCgroup) => {
      expect(await rig.clients.runtime.taskState(target.containerId)).toBe('running');
      expect(freezerState(cgroup)).toBe('thawed');
      await rig.expectTicking(target);
    };

    it('is not touched before a capture: the capture is refused', async () => {
      const { target } = await setUp('theirs');
      await pause(target);
      const signal = new AbortController().signal;
      const outcome = await rig.makeCapturer().capture(rig.triggerOn(target), signal);
      expect(outcome).toMatchObject({ kind: 'refused', reason: 'frozen-already' });
      expect(await rig.clients.runtime.taskState(target.containerId)).toBe('paused');
      await ctr(rig.clients.node, ['tasks', 'resume', target.containerId]);
    });

    it('paused and frozen, by us: is resumed', async () => {
      const { target, cgroup, entries } = await setUp('left-paused');
      await pause(target);
      expect(await recoverCaptures(entries, rig.tools)).toMatchObject([
        { decision: 'thaw-and-look', thaw: { end: 'runs', acts: ['resume'] } },
      ]);
      await expectRuns(target, cgroup);
    });

    it('paused and thawed, the shim believes in a pause that is over: is cured', async () => {
      const { target, cgroup, entries } = await setUp('stuck-paused');
      await pause(target);
      await setFreezer(cgroup, 'thawed');
      expect(await recoverCaptures(entries, rig.tools)).toMatchObject([
        { thaw: { end: 'runs', acts: ['freeze-and-resume'] } },
      ]);
      await expectRuns(target, cgroup);
    });

    it('running and frozen, the shim knows nothing of it: is thawed', async () => {
      const { target, cgroup, entries } = await setUp('stuck-frozen');
      await setFreezer(cgroup, 'frozen');
      expect(await recoverCaptures(entries, rig.tools)).toMatchObject([
        { thaw: { end: 'runs', acts: ['thaw-freezer'] } },
      ]);
      await expectRuns(target, cgroup);
    });
  });
}
