import { formatTime } from '../format-time.ts';
import { CAPTURE_ANNOTATION } from '../kinds/annotation.ts';
import type { RuleOf } from '../rule.ts';
import { REQUEST_RULE } from '../rule.ts';
import { memoOf } from '../state/pod-table.ts';
import { part } from '../trail.ts';
import type { Explained } from './explain.ts';
import { type Case, type Waits, waits } from './say.ts';
import { sinceText } from './since.ts';

/** Nobody asked, or it was asked by a door that is another rule's. */
export function requestWaits(
  from: Explained,
  one: Case,
  rule: RuleOf<'request'>,
): Waits | undefined {
  const { entry, container } = one;
  if (from.witness.lastOf(rule.id, entry.fact.uid, container.name)) return undefined;
  return byHand(from, one, rule) ?? byAnnotation(from, one, rule) ?? nobody(from, rule);
}

/** A request by hand is decided without a rule: this one may only say how it is captured. */
function byHand(
  { witness }: Explained,
  { entry, container }: Case,
  { id, mode, when }: RuleOf<'request'>,
): Waits | undefined {
  if (!when.from.includes('cli')) return undefined;
  if (mode === 'observe' && !when.from.includes('annotation')) {
    const detail = 'mode: observe: what is asked for by hand is not captured as it says';
    return waits('observed', detail, [part('mode', false, mode, 'enforce')]);
  }
  const last = witness.lastOf(REQUEST_RULE, entry.fact.uid, container.name);
  if (!last) return undefined;
  const settings = last.trail.find((one) => one.part === 'settings')?.saw ?? 'of no rule';
  const isOwn = settings === settingsOf(id);
  const asked = `at ${formatTime(last.atMs)}: ${last.detail}`;
  const trail = [part('settings', isOwn, settings, settingsOf(id))];
  if (isOwn) return waits(last.reason, `${asked}, with the settings of this rule`, trail);
  return waits('no-match', `${asked}, with the settings ${settings}`, trail);
}

/** How a request names the rule that says how it is captured. */
function settingsOf(rule: string): string {
  return `of rule ${rule}`;
}

/** The value that a pod came with is no request, and one that was taken is none again. */
function byAnnotation(
  { core }: Explained,
  { entry, container }: Case,
  { id, when }: RuleOf<'request'>,
): Waits | undefined {
  if (!when.from.includes('annotation')) return undefined;
  const memo = memoOf(entry, container.name, id);
  if (memo?.kind !== 'request') return undefined;
  const saw = `${CAPTURE_ANNOTATION}=${core.options.redactor.text(memo.token)}`;
  const detail = `${saw} is known already; only another value asks`;
  return waits('no-signal', detail, [part('when.request.from', false, saw, 'another value')]);
}

function nobody(from: Explained, { when }: RuleOf<'request'>): Waits {
  const doors = when.from.map((door) =>
    door === 'cli' ? 'stillpoint capture' : `the annotation ${CAPTURE_ANNOTATION}`,
  );
  const detail = `requests are taken from ${doors.join(' and ')}; none${sinceText(from)}`;
  return waits('no-signal', detail, [part('when.request.from', false, 'none', doors.join(', '))]);
}
