import { describe, expect, it } from '@jest/globals';
import { formatMistake, parseYaml, readYaml } from '../../src/base/index.ts';
import { type LoadedPolicies, policiesFromDocuments } from '../../src/retention/index.ts';

function document(spec: string, metadata = 'name: crashes'): string {
  const indented = spec.replace(/^/gm, '  ');
  return `apiVersion: stillpoint.dev/v1alpha1\nkind: RetentionPolicy\nmetadata: { ${metadata} }\nspec:\n${indented}\n`;
}

function load(...texts: string[]): LoadedPolicies {
  const { documents, mistakes } = parseYaml(texts.join('---\n'), 'policy.yaml');
  expect(mistakes).toEqual([]);
  return policiesFromDocuments(documents);
}

function mistakesOf(loaded: LoadedPolicies): string {
  return loaded.ok ? '' : loaded.mistakes.map(formatMistake).join('\n');
}

const select = 'select: { classes: [crash] }';

describe('a retention policy', () => {
  it('has defaults', () => {
    expect(load(document(select))).toMatchObject({
      ok: true,
      policies: [
        {
          name: 'crashes',
          classes: ['crash'],
          groupBy: ['namespace', 'owner', 'container'],
          limits: {},
          minKeep: 1,
          cron: '*/15 * * * *',
          timeZone: 'UTC',
        },
      ],
      warnings: [{ message: 'has neither keep nor limits, so it removes nothing' }],
    });
  });

  it('becomes numbers', () => {
    const text = `${select}
groupBy: [pod, container]
keep: { last: 3, within: 24h }
limits: { maxAge: 30d, maxCount: 100, maxBytes: 50Gi }
minKeep: 0
adopt: false
cron: "0 3 * * *"
timeZone: Europe/Berlin`;
    expect(load(document(text))).toMatchObject({
      policies: [
        {
          groupBy: ['pod', 'container'],
          keep: { last: 3, withinMs: 86_400_000 },
          limits: { maxAgeMs: 30 * 86_400_000, maxCount: 100, maxBytes: 50 * 2 ** 30 },
          minKeep: 0,
          cron: '0 3 * * *',
          timeZone: 'Europe/Berlin',
        },
      ],
      warnings: [],
    });
  });

  it('with an empty keep keeps all: it says nothing', () => {
    const loaded = load(document(`${select}\nkeep: {}`));
    expect(loaded.ok && loaded.policies[0]?.keep).toBeUndefined();
    expect(loaded).toMatchObject({ warnings: [{ path: 'spec' }] });
  });

  it('that keeps fewer than minKeep is warned of', () => {
    const loaded = load(document(`${select}\nkeep: { last: 2 }\nminKeep: 5`));
    expect(loaded).toMatchObject({ ok: true, warnings: [{ path: 'spec.keep.last' }] });
  });

  it('of the examples is good', async () => {
    const { documents, mistakes } = await readYaml('rules/retention.yaml');
    expect(mistakes).toEqual([]);
    expect(policiesFromDocuments(documents)).toMatchObject({ ok: true, warnings: [] });
  });
});

describe('a mistake in a policy', () => {
  it.each([
    ['no classes', 'select: { classes: [] }', 'spec.select.classes: must have at least 1 entry'],
    ['no select', 'minKeep: 1', 'spec.select: is missing'],
    ['an unknown key', `${select}\nlimit: { maxAge: 1d }`, 'did you mean: limits'],
    [
      'an unknown group',
      `${select}\ngroupBy: [deployment]`,
      'allowed: namespace, owner, pod, container',
    ],
    ['a count that is no whole number', `${select}\nkeep: { last: 2.5 }`, 'spec.keep.last'],
    ['keep last 0', `${select}\nkeep: { last: 0 }`, 'spec.keep.last: must be at least 1'],
    ['a negative minKeep', `${select}\nminKeep: -1`, 'spec.minKeep: must be at least 0'],
    ['an age that is no duration', `${select}\nlimits: { maxAge: 30 days }`, 'spec.limits.maxAge'],
    ['no bytes', `${select}\nlimits: { maxBytes: 0 }`, 'spec.limits.maxBytes'],
    ['a cron that never fires', `${select}\ncron: "0 0 31 2 *"`, 'never fires'],
    ['a cron of words', `${select}\ncron: whenever`, 'spec.cron'],
    [
      'an unknown zone',
      `${select}\ntimeZone: Mars/Base`,
      'spec.timeZone: is not a known time zone',
    ],
    ['adopt', `${select}\nadopt: true`, 'archives that Stillpoint did not make are never removed'],
    ['a class twice', 'select: { classes: [crash, crash] }', 'lists class "crash" twice'],
  ])('%s', (_name, spec, words) => {
    expect(mistakesOf(load(document(spec)))).toContain(words);
  });

  it('a namespace', () => {
    const loaded = load(document(select, 'name: crashes, namespace: shop'));
    expect(mistakesOf(loaded)).toContain('metadata.namespace: must be left out');
  });

  it('two policies of one name', () => {
    const loaded = load(document(select), document('select: { classes: [nightly] }'));
    expect(mistakesOf(loaded)).toContain('is the name of two policies, "crashes"');
  });

  it('two policies for one class: neither is followed, both are named', () => {
    const loaded = load(
      document(select),
      document('select: { classes: [nightly, crash] }', 'name: second'),
    );
    expect(mistakesOf(loaded)).toMatch(/policy\.yaml:11:32: .*selects class "crash"/);
    expect(mistakesOf(loaded)).toContain('the first: policy.yaml:5:23');
  });

  it('all mistakes are told, and no policy is used', () => {
    const loaded = load(document(`${select}\nminKeep: x\ncron: x`), document(select, 'name: good'));
    expect(loaded).toMatchObject({ ok: false, mistakes: [{}, {}] });
  });
});
