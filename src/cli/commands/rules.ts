import type { Command } from 'commander';
import { formatMistakes, type LoadedRuleSet, loadRuleSets } from '../../agent/index.ts';
import { type Mistake, systemClock } from '../../base/index.ts';
import type { CommandEnd } from '../exit.ts';
import { type Io, paint, print, printable, printableLines } from '../output.ts';
import { addRulesExplainCommand } from './rules-explain.ts';
import { addRulesReplayCommand } from './rules-replay.ts';
import { addRulesSchemaCommand } from './rules-schema.ts';
import { addRulesTestCommand } from './rules-test.ts';
import { addOutputOption, type OutputOptions } from './shared-options.ts';

/** `stillpoint rules check`: the same loading as the agent's, without an agent. */
export function addRulesCommand(program: Command, io: Io, end: (end: CommandEnd) => void): void {
  const rules = program.command('rules').description('work on rule and policy files');
  const check = rules
    .command('check')
    .argument('<path...>', 'files or directories')
    .description('check rules and retention policies; all mistakes at once, with their places')
    .addHelpText(
      'after',
      `
Files that are named together are one set, each directory is a set of its own.

Exit code 0: all can be loaded; 2: at least one mistake, so an agent would load nothing of it.

Examples:
  stillpoint rules check rules/
  stillpoint rules check rules/memory.yaml --output json
`,
    );
  addOutputOption(check).action(async (paths: string[], { output }: OutputOptions) => {
    const loaded = await loadRuleSets(paths, systemClock.wallMs());
    show(io, output, loaded);
    end({ exitCode: loaded.every(({ ok }) => ok) ? 0 : 2 });
  });
  addRulesSchemaCommand(rules, io);
  addRulesTestCommand(rules, io, end);
  addRulesReplayCommand(rules, io, end);
  addRulesExplainCommand(rules, io);
}

type Checked = { path: string } & LoadedRuleSet;

function show(io: Io, output: OutputOptions['output'], checked: Checked[]): void {
  if (output !== 'table') {
    print(io, output, checked.map(forMachines), () => ({ columns: [], rows: [] }));
    return;
  }
  for (const one of checked) {
    if (!one.ok) {
      io.err(`${printableLines(formatMistakes(one.mistakes))}\n`);
      const count = one.mistakes.length;
      const verdict = paint(io, 'red', `${count} mistake${count === 1 ? '' : 's'}`);
      io.err(`${printable(one.path)}: ${verdict}; nothing of it would be loaded\n`);
      continue;
    }
    const { rules, policies, warnings } = one.set;
    for (const warning of warnings) {
      io.err(`${paint(io, 'yellow', 'warning')}: ${printableLines(formatMistakes([warning]))}\n`);
    }
    print(io, 'table', rules, (list) => ({
      columns: [{ title: 'RULE' }, { title: 'KIND' }, { title: 'MODE' }, { title: 'CLASS' }],
      rows: list.map(({ id, when, mode, retainClass }) => [id, when.kind, mode, retainClass]),
    }));
    const counts = `${count(rules, 'rule', 'rules')}, ${count(policies, 'retention policy', 'retention policies')}`;
    io.out(`${printable(one.path)}: ${paint(io, 'green', 'ok')}: ${counts}\n`);
  }
}

function count(list: readonly unknown[], one: string, many: string): string {
  return `${list.length} ${list.length === 1 ? one : many}`;
}

function forMachines(one: Checked) {
  const place = ({ file, line, column, path, message, given, allowed, suggestion }: Mistake) => {
    return { file, line, column, path, message, given, allowed, suggestion };
  };
  if (!one.ok) return { path: one.path, ok: false, mistakes: one.mistakes.map(place) };
  return {
    path: one.path,
    ok: true,
    rules: one.set.rules.map(({ id, when, mode, retainClass }) => {
      return { id, kind: when.kind, mode, class: retainClass };
    }),
    policies: one.set.policies.map(({ name }) => name),
    warnings: one.set.warnings.map(place),
  };
}
