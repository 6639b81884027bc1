import { formatMistakes, type LoadedRuleSet, loadRuleSets } from '../../agent/index.ts';
import { defineCheck } from '../check.ts';
import { type Finding, fail, ok, warn } from '../line.ts';
import type { Outside } from '../outside.ts';

export interface RulesFacts {
  path: string;
  loaded: LoadedRuleSet;
}

/** Whether the rules on disk can be loaded. */
export const rulesCheck = defineCheck(
  'rules',
  async ({ config, clock }: Outside): Promise<RulesFacts> => {
    const path = config.rulesDir;
    const [loaded] = await loadRuleSets([path], clock.wallMs());
    return { path, loaded: loaded ?? { ok: false, mistakes: [] } };
  },
  judgeRules,
);

export function judgeRules({ path, loaded }: RulesFacts): Finding[] {
  const see = `Run \`stillpoint rules check ${path}\`.`;
  if (!loaded.ok) {
    const { mistakes } = loaded;
    const first = formatMistakes(mistakes.slice(0, 1)).split('\n')[0] ?? '';
    const what = `${mistakes.length} mistakes, so nothing is loaded; the first: ${first}`;
    return [fail('bad-rules', what, see)];
  }
  const { rules, policies, warnings } = loaded.set;
  if (rules.length === 0) {
    const next = 'Put rules there; `rules/` of this project has examples.';
    return [warn('no-rules', `${path} holds no rule: only requests are captured`, next)];
  }
  const first = warnings[0];
  if (first) {
    const what = `${warnings.length} warnings; the first: ${formatMistakes([first]).split('\n')[0]}`;
    return [warn('rule-warnings', what, see)];
  }
  if (policies.length === 0) {
    const next = 'Add a RetentionPolicy, or archives are never removed.';
    return [warn('no-policy', `${path}: ${rules.length} rules and no retention policy`, next)];
  }
  return [ok(`${path}: ${rules.length} rules, ${policies.length} retention policies`)];
}
