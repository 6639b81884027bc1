import {
  type Mistake,
  mistakeAt,
  runAtOnce,
  type Steps,
  unknownKind,
  validateDocument,
  type YamlDocument,
  type YamlDocuments,
} from '../base/index.ts';
import { checkRule, checkSet, checkWhere, type WrittenRule, whereMistakes } from './check/index.ts';
import { compileRule, ruleId } from './compile/index.ts';
import { ruleFingerprint } from './fingerprint.ts';
import type { Rule } from './rule.ts';
import { ruleSchema } from './schema/index.ts';

/** What a set of documents gives. With one mistake nothing is loaded: keep the last good set. */
export type LoadedRules =
  | {
      ok: true;
      /** In the order of files and documents. */
      rules: readonly Rule[];
      /** Documents of the other kinds, for their owners (`RetentionPolicy` for retention). */
      others: readonly YamlDocument[];
      warnings: readonly Mistake[];
    }
  | { ok: false; mistakes: readonly Mistake[] };

/** How documents are loaded. */
export interface LoadOptions {
  /** Kinds that are handed back unchecked in `others`. Default: RetentionPolicy. */
  otherKinds?: readonly string[];
  /** Wall clock; where the search for cron dates begins. */
  nowMs: number;
}

const RULE_KIND = 'CheckpointRule';

/**
 * Documents to rules; every mistake of every document, not the first. Call prepareWhere before when
 * usesWhere says so.
 */
export function rulesFromDocuments(read: YamlDocuments, options: LoadOptions): LoadedRules {
  return runAtOnce(rulesSteps(read, options));
}

/** The same in steps, a document each. */
export function* rulesSteps(
  { documents, mistakes: unread }: YamlDocuments,
  { otherKinds = ['RetentionPolicy'], nowMs }: LoadOptions,
): Steps<LoadedRules> {
  const mistakes = [...unread];
  const warnings: Mistake[] = [];
  const rules: Rule[] = [];
  const others: YamlDocument[] = [];
  const named = new Map<string, YamlDocument>();
  const written: WrittenRule[] = [];
  for (const document of documents) {
    yield;
    if (otherKinds.includes(document.kind)) {
      others.push(document);
    } else if (document.kind !== RULE_KIND) {
      mistakes.push(unknownKind(document, [RULE_KIND, ...otherKinds]));
    } else {
      mistakes.push(...sameName(document, named));
      const checked = validateDocument(document, ruleSchema);
      if (!checked.ok) {
        mistakes.push(...checked.mistakes, ...whereMistakes(document));
        continue;
      }
      const given = checked.value;
      const findings = checkRule(document, given, nowMs);
      const { where, mistakes: ofWhere } = checkWhere(document, given);
      mistakes.push(...findings.mistakes, ...ofWhere);
      warnings.push(...findings.warnings);
      if (findings.mistakes.length + ofWhere.length > 0) continue;
      const { file, line } = document.place([]);
      written.push({ document, given });
      const rule = compileRule(given, { where, origin: { file, line } });
      // Here, in a step of its own, and not for all rules at once when they are put in force.
      ruleFingerprint(rule);
      rules.push(rule);
    }
  }
  if (mistakes.length > 0) return { ok: false, mistakes };
  warnings.push(...checkSet(written));
  return { ok: true, rules, others, warnings };
}

/** Two rules of one name: the later is the mistake, the earlier is named with it. */
function sameName(document: YamlDocument, named: Map<string, YamlDocument>): Mistake[] {
  const metadata = nameOf(document.value.metadata);
  if (!metadata) return [];
  const id = ruleId(metadata);
  const first = named.get(id);
  if (!first) {
    named.set(id, document);
    return [];
  }
  const path = ['metadata', 'name'];
  const other = { ...first.place(path), note: 'the other one' };
  return [mistakeAt(document, path, { message: `a second rule is called ${id}`, other })];
}

function nameOf(metadata: unknown): { name: string; namespace?: string } | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const { name, namespace } = metadata as Record<string, unknown>;
  if (typeof name !== 'string') return undefined;
  return { name, namespace: typeof namespace === 'string' ? namespace : undefined };
}
