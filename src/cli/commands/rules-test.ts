import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { formatMistakes, loadRuleSets } from '../../agent/index.ts';
import {
  formatMistake,
  isTestName,
  type Mistake,
  readYaml,
  systemClock,
  wholeFile,
} from '../../base/index.ts';
import { type FailedExpectation, type RanTest, ruleTestsFromDocument } from '../../rules/index.ts';
import type { CommandEnd } from '../exit.ts';
import { formatData, type Io, paint, printable, printableLines } from '../output.ts';
import { addOutputOption, type OutputOptions } from './shared-options.ts';

/** `stillpoint rules test`: proves rules by tests that lie beside them. */
export function addRulesTestCommand(rules: Command, io: Io, end: (end: CommandEnd) => void): void {
  const test = rules
    .command('test')
    .argument('[path...]', 'test files, or directories with *.test.yaml or *_test.yaml', ['.'])
    .description('run tests of rules: a timetable of pods and signals, and what is to be decided')
    .addHelpText(
      'after',
      `
A test of memory.yaml is memory.test.yaml or memory_test.yaml beside it; an agent reads no tests.

Exit code 0: all tests pass; 1: at least one fails; 2: a file cannot be used, or there is no test.

Examples:
  stillpoint rules test rules/
  stillpoint rules test rules/memory.test.yaml --output json
`,
    );
  addOutputOption(test).action(async (paths: string[], { output }: OutputOptions) => {
    const files = (await Promise.all(paths.map(testFilesAt))).flat();
    const ran: RanFile[] = [];
    for (const file of files) ran.push(await runFile(file));
    if (output === 'table') show(io, ran);
    else io.out(formatData(output, ran.map(forMachines)));
    if (files.length === 0) {
      io.err(`${printable(paths.join(', '))}: holds no test (*.test.yaml, *_test.yaml)\n`);
    }
    end({ exitCode: exitCodeOf(ran) });
  });
}

interface RanFile {
  file: string;
  tests: RanTest[];
  /** Why its tests could not be run, or not all of them. */
  mistakes: readonly Mistake[];
}

async function testFilesAt(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => !name.startsWith('.') && isTestName(name));
    return names.sort().map((name) => join(path, name));
  } catch {
    // What is wrong with it is told when it is read.
    return [path];
  }
}

async function runFile(file: string): Promise<RanFile> {
  const { documents, mistakes } = await readYaml(file);
  const ran = { file, tests: [] as RanTest[], mistakes: [...mistakes] };
  for (const document of documents) {
    const loaded = ruleTestsFromDocument(document);
    if (!loaded.ok) {
      ran.mistakes.push(...loaded.mistakes);
      continue;
    }
    const paths = loaded.tests.rules?.map((name) => resolve(dirname(file), name)) ?? [
      file.replace(/[._]test(\.ya?ml)$/, '$1'),
    ];
    const [set] = await loadRuleSets(paths, systemClock.wallMs());
    if (set?.ok) ran.tests.push(...loaded.tests.run(set.set.rules));
    else ran.mistakes.push(...(set?.mistakes ?? []));
  }
  if (documents.length + ran.mistakes.length === 0) {
    ran.mistakes.push(wholeFile(file, 'holds no document of kind RuleTest'));
  }
  return ran;
}

function show(io: Io, ran: readonly RanFile[]): void {
  for (const { file, tests, mistakes } of ran) {
    if (tests.length > 0) io.out(`${printable(file)}\n`);
    for (const { name, failures } of tests) {
      const isGood = failures.length === 0;
      const sign = isGood ? paint(io, 'green', 'ok  ') : paint(io, 'red', 'FAIL');
      io.out(`  ${sign} ${printable(name)}\n`);
      for (const failure of failures) io.out(`${indent(describeFailure(failure))}\n`);
    }
    if (mistakes.length > 0) io.err(`${printableLines(formatMistakes(mistakes))}\n`);
  }
  const tests = ran.flatMap((one) => one.tests);
  if (tests.length === 0) return;
  const failed = tests.filter(({ failures }) => failures.length > 0).length;
  const count = `${tests.length} test${tests.length === 1 ? '' : 's'}`;
  const verdict =
    failed === 0
      ? paint(io, 'green', `${count}: all pass`)
      : paint(io, 'red', `${count}: ${failed} failed`);
  io.out(`${verdict}\n`);
}

function describeFailure({ mistake, got }: FailedExpectation): string {
  const lines = [formatMistake(mistake)];
  if (mistake.message.startsWith('expected')) {
    lines.push(got.length === 0 ? '  got: no decision' : `  got: ${got.join('\n       ')}`);
  }
  return printableLines(lines.join('\n'));
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '       ');
}

function forMachines({ file, tests, mistakes }: RanFile) {
  const place = ({ line, column, path, message }: Mistake) => ({ line, column, path, message });
  return {
    file,
    tests: tests.map(({ name, failures }) => ({
      name,
      ok: failures.length === 0,
      failures: failures.map(({ mistake, got }) => ({ ...place(mistake), got })),
    })),
    mistakes: mistakes.map((one) => ({ file: one.file, ...place(one) })),
  };
}

function exitCodeOf(ran: readonly RanFile[]): number {
  if (ran.length === 0 || ran.some(({ mistakes }) => mistakes.length > 0)) return 2;
  return ran.some(({ tests }) => tests.some(({ failures }) => failures.length > 0)) ? 1 : 0;
}
