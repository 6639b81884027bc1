import { describe, expect, it } from '@jest/globals';
import { createRenewal } from '../../src/agent/renewal.ts';
import type { Steps } from '../../src/base/index.ts';

/** Steps that the test is told of, one by one; each takes longer than a turn may. */
function rig() {
  const world = { ground: 1, value: 'a', begun: 0, steps: 0 };
  const inForce: string[] = [];
  const mistakes: unknown[] = [];
  let between: () => void = () => undefined;
  const renewal = createRenewal({
    *steps(): Steps<() => void> {
      world.begun++;
      const { value } = world;
      for (let step = 0; step < 3; step++) {
        world.steps++;
        between();
        yield;
      }
      return () => void inForce.push(value);
    },
    ground: () => world.ground,
    onMistake: (error) => void mistakes.push(error),
  });
  const during = (act: () => void) => {
    between = () => {
      between = () => undefined;
      act();
    };
  };
  return { world, inForce, mistakes, renewal, during };
}

describe('what follows every change', () => {
  it('is worked out once for changes that come together', async () => {
    const { world, inForce, renewal } = rig();
    renewal.ask();
    renewal.ask();
    world.value = 'b';
    await renewal.settled();
    expect(inForce).toEqual(['b']);
    expect(world.begun).toBe(1);
  });

  it('is put in force, and worked out again, when something changes meanwhile', async () => {
    const { world, inForce, renewal, during } = rig();
    during(() => {
      world.value = 'b';
      renewal.ask();
    });
    renewal.ask();
    await renewal.settled();
    expect(inForce).toEqual(['a', 'b']);
  });

  it('is given up at the next step when its ground is gone', async () => {
    const { world, inForce, renewal, during } = rig();
    during(() => {
      world.ground = 2;
      world.value = 'b';
      renewal.ask();
    });
    renewal.ask();
    await renewal.settled();
    expect(inForce).toEqual(['b']);
    expect(world.steps).toBe(1 + 3);
  });

  it('is put in force no more after a stop', async () => {
    const { inForce, renewal, during } = rig();
    during(() => renewal.stop());
    renewal.ask();
    await renewal.settled();
    renewal.ask();
    await renewal.settled();
    expect(inForce).toEqual([]);
  });

  it('tells a mistake, and goes on with the next change', async () => {
    const { inForce, mistakes, renewal, during } = rig();
    during(() => {
      throw new Error('a mistake of ours');
    });
    renewal.ask();
    await renewal.settled();
    expect(mistakes).toHaveLength(1);
    renewal.ask();
    await renewal.settled();
    expect(inForce).toEqual(['a']);
  });
});
