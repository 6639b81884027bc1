import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillpointError } from '../../src/base/index.ts';
import { whyFrozenMeanwhile } from '../../src/capture/frozen-meanwhile.ts';
import type { FreezerState } from '../../src/node/index.ts';
import { createDumpRig, type DumpRig } from '../support/dump-rig.ts';
import { useTempDirs } from '../support/temp-dir.ts';

const tempDir = useTempDirs();

let rig: DumpRig;

beforeEach(() => {
  rig = createDumpRig(tempDir());
});

describe('a container that is looked at once more before it is asked for', () => {
  it.each<[FreezerState | 'gone', string | undefined]>([
    ['thawed', undefined],
    ['frozen', 'freezer frozen since the guard looked'],
    ['freezing', 'freezer freezing since the guard looked'],
    ['gone', undefined],
  ])('and whose freezer is %s', (freezer, expected) => {
    rig.container.freezer = freezer;
    const { node, cgroup } = rig.container;
    expect(whyFrozenMeanwhile(node, cgroup)).toBe(expected);
    expect(whyFrozenMeanwhile(undefined, cgroup)).toBeUndefined();
    expect(whyFrozenMeanwhile(node, undefined)).toBeUndefined();
  });

  it('and whose freezer cannot be read speaks for nothing', () => {
    const { node, cgroup } = rig.container;
    node.cgroups.freezerState = () => {
      throw new StillpointError({ code: 'io', message: 'no' });
    };
    expect(whyFrozenMeanwhile(node, cgroup)).toBeUndefined();
  });
});

describe('a dump of a container that somebody else has frozen meanwhile', () => {
  it('is not begun in calm, and its folder goes', async () => {
    rig.container.freezer = 'frozen';
    const reply = await rig.dump();
    expect(reply).toMatchObject({ kind: 'frozen-already' });
    if (reply.kind === 'frozen-already') await reply.discard();
    expect(rig.container.acts).toEqual([]);
    expect(existsSync(rig.folder)).toBe(false);
  });

  it('is not begun in calm either where the guard refuses the race for it', async () => {
    rig.protect = () => {
      rig.container.freezer = 'frozen';
      return Promise.reject(new StillpointError({ code: 'refused', message: 'it is frozen' }));
    };
    const reply = await rig.dump({ sequence: 'race', consistency: 'frozen' });
    expect(reply).toMatchObject({ kind: 'frozen-already' });
    expect(rig.container).toMatchObject({ freezer: 'frozen', acts: [] });
  });
});
