import { type Mistake, mistakeAt, type YamlDocument } from '../../base/index.ts';
import type { GivenRule } from '../schema/index.ts';

type ContainerType = NonNullable<GivenRule['spec']['target']['containerTypes']>[number];

/** What some types of container never show (API validation of pods, pkg/apis/core/validation). */
const never: Readonly<Record<'probe' | 'crash', { of: readonly ContainerType[]; why: string }>> = {
  probe: {
    of: ['init', 'ephemeral'],
    why: 'init containers (other than sidecars) and ephemeral containers have no probes',
  },
  crash: { of: ['ephemeral'], why: 'ephemeral containers are never started again' },
};

/** Rules that look only at types of container that can never show what the rule waits for. */
export function checkContainerTypes(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  const { containerTypes } = spec.target;
  if (!containerTypes) return [];
  const { probe, crashLoop, sequence } = spec.when;
  const steps = sequence?.steps ?? [];
  const wanted = {
    probe: probe !== undefined || steps.some((step) => step.probe),
    crash: crashLoop !== undefined || steps.some((step) => step.crash),
  };
  return (['probe', 'crash'] as const).flatMap((sign) => {
    const { of, why } = never[sign];
    if (!wanted[sign] || !containerTypes.every((type) => of.includes(type))) return [];
    const message = `the rule can never fire: ${why}`;
    return [mistakeAt(document, ['spec', 'target', 'containerTypes'], { message })];
  });
}
