import { stat } from 'node:fs/promises';
import {
  formatMistake,
  type Mistake,
  mistakeAt,
  nearest,
  readYaml,
  runInTurns,
  type Steps,
  wholeFile,
  type YamlDocument,
  type YamlDocuments,
} from '../base/index.ts';
import { policiesFromDocuments, type RetentionPolicy } from '../retention/index.ts';
import {
  prepareWhere,
  REQUEST_RULE,
  type RecordedRule,
  type Rule,
  ruleIndexSteps,
  rulesSteps,
  usesWhere,
} from '../rules/index.ts';

/** What the files of the rules directory say: rules and retention policies. */
export interface RuleSet {
  rules: readonly Rule[];
  policies: readonly RetentionPolicy[];
  warnings: readonly Mistake[];
  /** What the rules were made of, for recordings. */
  documents?: readonly RecordedRule[];
}

export type LoadedRuleSet =
  | { ok: true; set: RuleSet }
  | { ok: false; mistakes: readonly Mistake[] };

/**
 * Reads a file or a directory. With one mistake anywhere nothing is loaded, and all mistakes are
 * told; whoever has a good set keeps it. Never throws.
 */
export async function loadRuleSet(path: string, nowMs: number): Promise<LoadedRuleSet> {
  return judge(path, await readRules(path), nowMs);
}

/**
 * The same for what a person names on a command line: all files together are one set, as they
 * would be in one directory; each directory is one of its own.
 */
export async function loadRuleSets(
  paths: readonly string[],
  nowMs: number,
): Promise<({ path: string } & LoadedRuleSet)[]> {
  const directories = await Promise.all(paths.map(isDirectory));
  const files = paths.filter((_, index) => !directories[index]);
  const read = await Promise.all(files.map(readRules));
  const together: YamlDocuments = {
    documents: read.flatMap(({ documents }) => documents),
    mistakes: read.flatMap(({ mistakes }) => mistakes),
  };
  const path = files.join(', ');
  const ofFiles = files.length > 0 ? [{ path, ...(await judge(path, together, nowMs)) }] : [];
  const ofDirectories = paths
    .filter((_, index) => directories[index])
    .map(async (one) => ({ path: one, ...(await loadRuleSet(one, nowMs)) }));
  return [...ofFiles, ...(await Promise.all(ofDirectories))];
}

async function readRules(path: string): Promise<YamlDocuments> {
  const read = await readYaml(path);
  if (usesWhere(read.documents)) await prepareWhere();
  return read;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // What is wrong with it is told when it is read.
    return false;
  }
}

/** In turns: many rules must not hold up what samples memory in this process. */
async function judge(path: string, read: YamlDocuments, nowMs: number): Promise<LoadedRuleSet> {
  const loaded = await runInTurns(ruleSetSteps(read, nowMs));
  if (!loaded.ok || loaded.set.rules.length + loaded.set.policies.length > 0) return loaded;
  const message = 'holds no rule and no policy (read are *.yaml and *.yml, no subdirectories)';
  return { ok: true, set: { ...loaded.set, warnings: [wholeFile(path, message)] } };
}

/** Rules and policies together, in steps of one document each. */
export function* ruleSetSteps(read: YamlDocuments, nowMs: number): Steps<LoadedRuleSet> {
  const rules = yield* rulesSteps(read, { otherKinds: ['RetentionPolicy'], nowMs });
  const policyDocuments = read.documents.filter(({ kind }) => kind === 'RetentionPolicy');
  const policies = policiesFromDocuments(policyDocuments);
  if (!rules.ok || !policies.ok) {
    const mistakes = [
      ...(rules.ok ? [] : rules.mistakes),
      ...(policies.ok ? [] : policies.mistakes),
    ];
    return { ok: false, mistakes: inOrder(mistakes) };
  }
  // Kept with the rules, for whoever puts them in force.
  yield* ruleIndexSteps(rules.rules);
  const warnings = inOrder([
    ...rules.warnings,
    ...policies.warnings,
    ...loneClasses(read.documents, rules.rules, policies.policies),
  ]);
  const documents = read.documents
    .filter(({ kind }) => kind !== 'RetentionPolicy')
    .map(({ file, value }) => ({ file, value }));
  return {
    ok: true,
    set: { rules: rules.rules, policies: policies.policies, warnings, documents },
  };
}

/** As a reader comes by them; files stay in the order in which they were read. */
function inOrder(mistakes: readonly Mistake[]): Mistake[] {
  const files = [...new Set(mistakes.map(({ file }) => file))];
  return files.flatMap((file) =>
    mistakes
      .filter((one) => one.file === file)
      .sort((a, b) => a.line - b.line || a.column - b.column),
  );
}

/**
 * Classes that only one side knows: archives that no policy ever removes, policies that find none.
 * Nothing is said of a set that has no rules, or no policies.
 */
function loneClasses(
  documents: readonly YamlDocument[],
  rules: readonly Rule[],
  policies: readonly RetentionPolicy[],
): Mistake[] {
  if (rules.length === 0 || policies.length === 0) return [];
  const made = new Set([...rules.map(({ retainClass }) => retainClass), REQUEST_RULE]);
  const selected = new Set(policies.flatMap(({ classes }) => classes));
  const of = (kind: string) => documents.filter((document) => document.kind === kind);
  // One rule, or policy, comes of each document, in its order.
  const ofRules = of('CheckpointRule').flatMap((document, index) => {
    const name = rules[index]?.retainClass ?? '';
    if (selected.has(name)) return [];
    const message = `no policy selects it (${name}), so its archives are kept for ever`;
    return [mistakeAt(document, ['spec', 'retain', 'class'], { message })];
  });
  const ofPolicies = of('RetentionPolicy').flatMap((document, index) =>
    (policies[index]?.classes ?? []).flatMap((name, at) => {
      if (made.has(name)) return [];
      const suggestion = nearest(name, [...made]);
      const message = 'no rule here has this class';
      return [mistakeAt(document, ['spec', 'select', 'classes', at], { message, suggestion })];
    }),
  );
  return [...ofRules, ...ofPolicies];
}

/** All mistakes as one text for a terminal; with `max` only so many, and how many there are more. */
export function formatMistakes(mistakes: readonly Mistake[], max = mistakes.length): string {
  const told = mistakes.slice(0, max).map(formatMistake);
  const more = mistakes.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} mistakes more`] : [])].join('\n');
}
