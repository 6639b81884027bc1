import { formatMistake, type Mistake, readYaml, type YamlDocuments } from '../base/index.ts';
import { policiesFromDocuments, type RetentionPolicy } from '../retention/index.ts';
import { type Rule, rulesFromDocuments } from '../rules/index.ts';

/** What the files of the rules directory say: rules and retention policies. */
export interface RuleSet {
  rules: readonly Rule[];
  policies: readonly RetentionPolicy[];
  warnings: readonly Mistake[];
}

export type LoadedRuleSet =
  | { ok: true; set: RuleSet }
  | { ok: false; mistakes: readonly Mistake[] };

/**
 * Reads a file or a directory. With one mistake anywhere nothing is loaded, and all mistakes are
 * told; whoever has a good set keeps it. Never throws.
 */
export async function loadRuleSet(path: string, nowMs: number): Promise<LoadedRuleSet> {
  return ruleSetFromDocuments(await readYaml(path), nowMs);
}

export function ruleSetFromDocuments(documents: YamlDocuments, nowMs: number): LoadedRuleSet {
  const rules = rulesFromDocuments(documents, { otherKinds: ['RetentionPolicy'], nowMs });
  const policyDocuments = documents.documents.filter(({ kind }) => kind === 'RetentionPolicy');
  const policies = policiesFromDocuments(policyDocuments);
  const mistakes = [...(rules.ok ? [] : rules.mistakes), ...(policies.ok ? [] : policies.mistakes)];
  if (!rules.ok || !policies.ok) return { ok: false, mistakes };
  const warnings = [...rules.warnings, ...policies.warnings];
  return { ok: true, set: { rules: rules.rules, policies: policies.policies, warnings } };
}

/** All mistakes as one text for a log line or a terminal. */
export function formatMistakes(mistakes: readonly Mistake[]): string {
  return mistakes.map(formatMistake).join('\n');
}
