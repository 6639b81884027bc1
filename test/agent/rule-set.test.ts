import { describe, expect, it } from '@jest/globals';
import { formatMistakes, ruleSetSteps } from '../../src/agent/rule-set.ts';
import { parseYaml, runAtOnce } from '../../src/base/index.ts';

const head = (kind: string, name: string) =>
  `apiVersion: stillpoint.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\n`;
const RULE = `${head('CheckpointRule', 'often')}spec: { when: { schedule: { cron: "* * * * *" } }, target: {}, retain: { class: a } }\n`;
const POLICY = `${head('RetentionPolicy', 'idle')}spec: { select: { classes: [a] } }\n`;

describe('a set of rule files', () => {
  it('warns of rules and of policies that are probably not meant so', () => {
    const loaded = runAtOnce(ruleSetSteps(parseYaml(`${RULE}---\n${POLICY}`, 'f.yaml'), 0));
    if (!loaded.ok) throw new Error(formatMistakes(loaded.mistakes));
    expect(loaded.set.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('limits.cooldown'),
      expect.stringContaining('removes nothing'),
    ]);
  });

  it('is nothing when either has a mistake', () => {
    const text = `${RULE}---\n${POLICY.replace('classes', 'class')}`;
    expect(runAtOnce(ruleSetSteps(parseYaml(text, 'f.yaml'), 0)).ok).toBe(false);
  });
});
