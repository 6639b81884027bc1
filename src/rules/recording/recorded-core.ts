import { formatMistake, parseYaml, StillpointError, type YamlDocuments } from '../../base/index.ts';
import { createRulesCore, type RulesCore, type RulesOptions } from '../core.ts';
import { ruleFingerprint } from '../fingerprint.ts';
import { type LoadedRules, rulesFromDocuments } from '../load.ts';
import { createRedactor } from '../redact.ts';
import type { Rule } from '../rule.ts';
import type { RulesSnapshot } from '../state/snapshot.ts';
import type { RecordedRule, StateEntry } from './entry.ts';

/** The rules that were in force. Error: `bad-input` when this version does not understand them. */
export function compileRecorded({ rules, atMs }: StateEntry): readonly Rule[] {
  const loaded = load(rules, atMs);
  if (loaded.ok) return loaded.rules;
  throw new StillpointError({
    code: 'bad-input',
    message:
      'this version cannot load the recorded rules:\n' +
      loaded.mistakes.slice(0, 5).map(formatMistake).join('\n'),
    hint: 'Replay it with the version that recorded it, or name rules of your own.',
  });
}

function load(rules: readonly RecordedRule[], nowMs: number): LoadedRules {
  const read: YamlDocuments = { documents: [], mistakes: [] };
  for (const { file, value } of rules) {
    // JSON is YAML.
    const { documents, mistakes } = parseYaml(JSON.stringify(value), file);
    read.documents.push(...documents);
    read.mistakes.push(...mistakes);
  }
  return rulesFromDocuments(read, { nowMs });
}

/**
 * The recorded state, for this version: its windows belong to the recorded rules, whatever the
 * version that wrote it took their fingerprint of. Rules that cannot be loaded keep nothing.
 */
export function snapshotOf(entry: StateEntry): RulesSnapshot {
  const { snapshot, rules } = entry;
  const fingerprints = rules.flatMap((one) => {
    const loaded = load([one], entry.atMs);
    return loaded.ok ? loaded.rules.map((rule) => [rule.id, ruleFingerprint(rule)] as const) : [];
  });
  return { ...snapshot, fingerprints: Object.fromEntries(fingerprints) };
}

/** The core of these rules with the settings that the agent had. */
export function coreOf(rules: readonly Rule[], entry: StateEntry): RulesCore {
  const options = { ...(entry.options as unknown as RulesOptions) };
  return createRulesCore(rules, { ...options, redactor: createRedactor(entry.redact) });
}
