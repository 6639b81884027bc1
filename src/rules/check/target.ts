import {
  globMatches,
  type Mistake,
  mistakeAt,
  nearest,
  type YamlDocument,
} from '../../base/index.ts';
import type { GivenRule } from '../schema/index.ts';
import { ownerKinds } from '../schema/target.ts';

/** Targets that are right part by part, but reach nothing, or probably not what was meant. */
export function checkTarget(
  document: YamlDocument,
  given: GivenRule,
): { mistakes: Mistake[]; warnings: Mistake[] } {
  return { mistakes: excludesAll(document, given), warnings: oddOwners(document, given) };
}

/** Each name that is wanted is excluded too: the rule can never fire. */
function excludesAll(document: YamlDocument, { metadata, spec }: GivenRule): Mistake[] {
  const { namespaces, containers, exclude } = spec.target;
  if (!exclude) return [];
  const wantedNamespaces = metadata.namespace === undefined ? namespaces : [metadata.namespace];
  const wanted = { namespaces: wantedNamespaces, containers };
  return (['namespaces', 'containers'] as const).flatMap((part) => {
    const excluded = exclude[part] ?? [];
    const names = wanted[part].length > 0 ? wanted[part] : ['*'];
    if (excluded.length === 0 || !names.every((name) => isCovered(name, excluded))) return [];
    const message = `leaves none of the ${part} that the rule reaches, so it can never fire`;
    return [mistakeAt(document, ['spec', 'target', 'exclude', part], { message })];
  });
}

/** Whether one of the globs surely matches whatever `name`, itself a glob, matches. */
function isCovered(name: string, globs: readonly string[]): boolean {
  const isGlob = /[*?]/.test(name);
  return globs.some((glob) => !(isGlob && glob.includes('?')) && globMatches(glob, name));
}

/** A kind of owner that is almost one of those that all clusters have. */
function oddOwners(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  const { owner, exclude } = spec.target;
  const places = [
    { kind: owner?.kind, path: ['spec', 'target', 'owner', 'kind'] },
    { kind: exclude?.owner?.kind, path: ['spec', 'target', 'exclude', 'owner', 'kind'] },
  ];
  return places.flatMap(({ kind, path }) => {
    if (kind === undefined || ownerKinds.includes(kind)) return [];
    const suggestion = nearest(kind, ownerKinds);
    if (suggestion === undefined) return [];
    return [
      mistakeAt(document, path, { message: 'is no kind that every cluster has', suggestion }),
    ];
  });
}
