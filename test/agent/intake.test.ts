import { describe, expect, it } from '@jest/globals';
import { createIntake } from '../../src/agent/intake.ts';
import type { Acceptance } from '../../src/dispatch/index.ts';
import {
  createDenyList,
  createRulesCore,
  createRulesState,
  type Decision,
} from '../../src/rules/index.ts';
import {
  event,
  id,
  memory,
  pod,
  podChanged,
  podGone,
  rulesOf,
  running,
  START_MS,
} from '../rules/support/bench.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createHeardFacts } from './support/parts.ts';

const LIVENESS = 'when: { event: { reason: Unhealthy } }\ntarget: {}';
const LASTING = 'when: { memory: { above: 80%, for: 3s } }\ntarget: {}';

function coreOf(specs: Record<string, string>) {
  const denyList = createDenyList({ podUid: 'own-pod' });
  return createRulesCore(rulesOf(specs), { nodeName: 'node-1', denyList });
}

function accepts(decision: Decision): Acceptance {
  if (!decision.target) throw new Error('nothing to accept');
  const { target, atMs } = decision;
  return {
    kind: 'accepted',
    trigger: { id: 't1', target, acceptedMs: atMs, decisions: [decision] },
  };
}

function rig(specs: Record<string, string>, offer: (decision: Decision) => Acceptance = accepts) {
  const clock = createFakeClock(START_MS);
  const heard = createHeardFacts(clock);
  const offered: Decision[] = [];
  let podChanges = 0;
  const intake = createIntake({
    onMistake: (error) => {
      throw error;
    },
    clock,
    facts: heard.facts,
    core: coreOf(specs),
    state: createRulesState(),
    offer(decision) {
      offered.push(decision);
      return offer(decision);
    },
    onPods: () => podChanges++,
  });
  return { clock, heard, offered, intake, podChanges: () => podChanges };
}

describe('the intake', () => {
  it('tells the decision, then that it was accepted, then the signal', () => {
    const { intake, heard, offered } = rig({ live: LIVENESS });
    intake.take(podChanged(pod()));
    heard.all.length = 0;
    const taken = intake.take(event());
    expect(heard.kinds()).toEqual(['decision', 'accepted', 'signal']);
    expect(taken).toMatchObject([
      { decision: { rule: 'live', verdict: 'fire' }, acceptance: { kind: 'accepted' } },
    ]);
    expect(offered).toHaveLength(1);
  });

  it('ends a decision that dispatch refused, with the reason', () => {
    const refuse = () => ({ kind: 'refused', reason: 'paused', detail: 'by the test' }) as const;
    const { intake, heard } = rig({ live: LIVENESS }, refuse);
    intake.take(podChanged(pod()));
    intake.take(event());
    expect(heard.kinds()).not.toContain('accepted');
    expect(heard.of('ended')).toMatchObject([
      { outcome: { kind: 'not-accepted', reason: 'paused', detail: 'by the test' } },
    ]);
  });

  it('offers nothing that was only suppressed or observed', () => {
    const { intake, offered, heard } = rig({ seen: `${LIVENESS}\nmode: observe` });
    intake.take(podChanged(pod()));
    intake.take(event());
    expect(heard.of('decision')).toMatchObject([{ decision: { reason: 'observed' } }]);
    expect(offered).toEqual([]);
  });

  it('wakes the rules when a window has run out, without another signal', async () => {
    const { clock, intake, offered } = rig({ lasting: LASTING });
    intake.take(podChanged(pod()));
    intake.take(memory(0.9));
    await clock.advance(2_999);
    expect(offered).toEqual([]);
    await clock.advance(1);
    expect(offered).toMatchObject([{ rule: 'lasting', atMs: START_MS + 3_000 }]);
  });

  it('asks again within a minute when the clock was set back while it slept', async () => {
    const { clock, intake, offered } = rig({
      lasting: 'when: { memory: { above: 80%, for: 5m } }\ntarget: {}',
    });
    intake.take(podChanged(pod()));
    intake.take(memory(0.9));
    clock.setWall(START_MS - 3_600_000);
    await clock.advance(6 * 60_000);
    expect(offered).toHaveLength(1);
  });

  it('goes on from the state that comes with a new set of rules', () => {
    const { intake, offered, podChanges } = rig({ live: LIVENESS });
    intake.take(podChanged(pod()));
    const before = podChanges();
    intake.replace(coreOf({ other: LIVENESS }), intake.state(), 'rules');
    expect(podChanges()).toBe(before + 1);
    intake.take(event());
    expect(offered).toMatchObject([{ rule: 'other' }]);
  });

  it('tells of pods that came, changed and went, and of nothing else', () => {
    const { intake, podChanges } = rig({ live: LIVENESS });
    intake.take(podChanged(pod()));
    intake.take(podChanged(pod({ containers: [running('app', { containerId: id('bb') })] })));
    intake.take(event());
    expect(podChanges()).toBe(2);
    intake.take(podGone());
    expect(podChanges()).toBe(3);
  });

  it('leaves no timer behind once it was stopped, whoever still brings a signal', async () => {
    const { clock, intake, offered } = rig({ lasting: LASTING });
    intake.take(podChanged(pod()));
    intake.take(memory(0.9));
    intake.stop();
    expect(clock.waiting()).toBe(0);
    intake.take(memory(0.9));
    expect(clock.waiting()).toBe(0);
    await clock.advance(10_000);
    expect(offered).toEqual([]);
  });
});
