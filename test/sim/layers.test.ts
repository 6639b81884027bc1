import { describe, expect, it } from '@jest/globals';
import { CART, CART_APP, useSims } from './rig.ts';

const startSim = useSims();
const never = new AbortController().signal;
const NOTHING = { leases: 0, views: 0, blobs: 0 };

async function startCart() {
  const rig = await startSim();
  rig.sim.scenario.addPod(CART);
  const snapshotKey = rig.sim.scenario.running(CART_APP).life.containerId;
  return { rig, snapshot: { snapshotter: 'overlayfs', snapshotKey } };
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString('latin1');
}

describe('the changes of a root file system', () => {
  it('are an uncompressed layer, of which nothing is left after its release', async () => {
    const { rig, snapshot } = await startCart();
    const diff = await rig.runtime.containerd.prepareRootfsDiff(snapshot);
    const { bytes } = await diff.take(never);
    const text = await textOf(diff.read(never));
    expect(text).toContain('written by shop/cart/app (simulated)');
    expect(text).toHaveLength(bytes);
    expect(rig.sim.layers.left()).toEqual({ leases: 1, views: 1, blobs: 1 });
    await diff.release();
    expect(rig.sim.layers.left()).toEqual(NOTHING);
  });

  it('are removed with their lease, when whoever took them was killed', async () => {
    const { rig, snapshot } = await startCart();
    // The client stamps the lease with real time, one hour on.
    await rig.clock.setWall(Date.now());
    const diff = await rig.runtime.containerd.prepareRootfsDiff(snapshot);
    await diff.take(never);
    expect(rig.sim.layers.leftForEver()).toEqual([]);
    await rig.clock.advance(3_700_000);
    expect(rig.sim.layers.left()).toEqual(NOTHING);
  });

  it('of an agent before are removed when the next one asks, and none of its own', async () => {
    const { rig, snapshot } = await startCart();
    await rig.clock.setWall(Date.now());
    const diff = await rig.runtime.containerd.prepareRootfsDiff(snapshot);
    await diff.take(never);
    const { containerd } = rig.runtime;
    expect(await containerd.removeRootfsDiffsBefore(rig.clock.wallMs())).toBe(0);
    expect(rig.sim.layers.left()).toEqual({ leases: 1, views: 1, blobs: 1 });
    expect(await containerd.removeRootfsDiffsBefore(rig.clock.wallMs() + 1_000)).toBe(1);
    expect(rig.sim.layers.left()).toEqual(NOTHING);
  });

  it('of a container that is unknown cannot be had, and nothing is left of the try', async () => {
    const { rig, snapshot } = await startCart();
    const gone = { ...snapshot, snapshotKey: 'f'.repeat(64) };
    const diff = rig.runtime.containerd.prepareRootfsDiff(gone);
    await expect(diff).rejects.toMatchObject({ code: 'not-found' });
    expect(rig.sim.layers.left()).toEqual(NOTHING);
  });

  it('stay for ever when no lease holds them', async () => {
    const { rig, snapshot } = await startCart();
    const mounts = rig.sim.layers.mountsOf(snapshot.snapshotter, snapshot.snapshotKey);
    const layer = 'application/vnd.oci.image.layer.v1.tar';
    const { digest } = rig.sim.layers.diff(mounts, layer, '');
    rig.sim.layers.view('seen', 'parent', '');
    expect(rig.sim.layers.leftForEver()).toEqual(['seen', digest]);
  });

  it('fail when they are told to', async () => {
    const { rig, snapshot } = await startCart();
    rig.sim.faults.set({ kind: 'diffFails', text: 'failed to mount: no such device' });
    const diff = await rig.runtime.containerd.prepareRootfsDiff(snapshot);
    await expect(diff.take(never)).rejects.toThrow('no such device');
    await diff.release();
    expect(rig.sim.layers.left()).toEqual(NOTHING);
  });
});
