import type { Command } from 'commander';
import { formatMistakes, loadRuleSets } from '../../agent/index.ts';
import { formatDuration, StillpointError, systemClock } from '../../base/index.ts';
import {
  compareFirings,
  createReplay,
  type Decision,
  type Difference,
  type FiringChange,
  isFiring,
  type RecordedDecision,
  type ReplayResult,
  type Rule,
} from '../../rules/index.ts';
import { describeTarget } from '../../signal/index.ts';
import type { CommandEnd } from '../exit.ts';
import { formatData, type Io, paint, printable } from '../output.ts';
import { readRecordings } from '../recording-reader.ts';
import { formatTable } from '../table.ts';
import { addOutputOption, type OutputOptions } from './shared-options.ts';

interface ReplayOptions extends OutputOptions {
  rules?: string;
  against?: string;
  all?: boolean;
}

/** `stillpoint rules replay`: decides a recording of signals again. */
export function addRulesReplayCommand(
  rules: Command,
  io: Io,
  end: (end: CommandEnd) => void,
): void {
  const replay = rules
    .command('replay')
    .argument('<recording...>', 'files that an agent recorded (see `record` of AgentConfig)')
    .description('what would have fired, when, on what and why; with recorded or with other rules')
    .option('--rules <path>', 'rules to decide with; left out: those that were recorded')
    .option('--against <path>', 'rules to compare with: what fires more, less or otherwise')
    .option('--all', 'every decision, not only what fires')
    .addHelpText(
      'after',
      `
With the recorded rules every decision must be the one that the agent made.

Exit code 0: done; 1: the recorded rules decide otherwise now; 2: a file cannot be used.

Examples:
  stillpoint rules replay /var/lib/stillpoint/recording.ndjson*
  stillpoint rules replay recording.ndjson --rules rules/
  stillpoint rules replay recording.ndjson --against rules/ --output json
`,
    );
  addOutputOption(replay).action(async (paths: string[], options: ReplayOptions) => {
    const notes: { torn: string[] } = { torn: [] };
    const [own, other] = await Promise.all([rulesAt(options.rules), rulesAt(options.against)]);
    const first = createReplay(own);
    const second = other && createReplay(other);
    for await (const entry of readRecordings(paths, notes)) {
      first.take(entry);
      second?.take(entry);
    }
    const result = first.result();
    for (const place of notes.torn) io.err(`note: ${printable(place)}: cut off; left out\n`);
    if (second) showComparison(io, options, result, second.result());
    else showResult(io, options, result);
    end({ exitCode: result.differences.length > 0 ? 1 : 0 });
  });
}

async function rulesAt(path: string | undefined): Promise<readonly Rule[] | undefined> {
  if (path === undefined) return undefined;
  const [loaded] = await loadRuleSets([path], systemClock.wallMs());
  if (!loaded) return [];
  if (loaded.ok) return loaded.set.rules;
  throw new StillpointError({ code: 'bad-config', message: formatMistakes(loaded.mistakes) });
}

function showResult(io: Io, options: ReplayOptions, result: ReplayResult): void {
  const { output, all, rules } = options;
  const shown = all ? result.decisions : result.decisions.filter(isFiring);
  if (output !== 'table') {
    const { equal, differences } = result;
    const compared = rules === undefined ? { equal, differences } : {};
    const data = { ...headOf(result), ...compared, decisions: shown.map(decisionForMachines) };
    io.out(formatData(output, data));
    return;
  }
  if (shown.length > 0) {
    io.out(
      `${formatTable(
        [
          { title: 'TIME' },
          { title: 'RULE' },
          { title: 'TARGET' },
          { title: 'DECISION' },
          { title: 'WHY' },
        ],
        shown.map((one) =>
          [time(one.atMs), one.rule, targetText(one), reasonCell(io, one), one.detail].map(
            printable,
          ),
        ),
      )}\n`,
    );
  }
  io.out(summaryOf(result, shown.length, all ? 'decision' : 'firing'));
  if (rules === undefined) io.out(agreement(io, result));
}

function showComparison(
  io: Io,
  { output, all }: ReplayOptions,
  before: ReplayResult,
  after: ReplayResult,
): void {
  const changes = compareFirings(before.decisions, after.decisions);
  const shown = all ? changes : changes.filter(({ change }) => change !== 'same');
  const counts = { added: 0, removed: 0, changed: 0, same: 0 };
  for (const { change } of changes) counts[change]++;
  if (output !== 'table') {
    const data = { ...headOf(before), counts, changes: shown.map(changeForMachines) };
    io.out(formatData(output, data));
    return;
  }
  if (shown.length > 0) {
    io.out(
      `${formatTable(
        [
          { title: '' },
          { title: 'TIME' },
          { title: 'RULE' },
          { title: 'TARGET' },
          { title: 'WHY' },
        ],
        shown.map((change) => changeRow(io, change)),
      )}\n`,
    );
  }
  io.out(summaryOf(before, counts.same + counts.removed + counts.changed, 'firing'));
  const { added, removed, changed, same } = counts;
  io.out(`compared   ${added} added, ${removed} removed, ${changed} changed, ${same} the same\n`);
}

const SIGNS = { added: '+', removed: '-', changed: '~', same: ' ' } as const;
const COLOURS = { added: 'green', removed: 'red', changed: 'yellow', same: 'gray' } as const;

function changeRow(io: Io, change: FiringChange): string[] {
  const one = change.change === 'removed' ? change.before : change.after;
  const why =
    change.change === 'changed'
      ? `${change.what.join(', ')}: ${whatOf(change.before)} → ${whatOf(change.after)}`
      : one.detail;
  const sign = paint(io, COLOURS[change.change], SIGNS[change.change]);
  return [sign, ...[time(one.atMs), one.rule, targetText(one), why].map(printable)];
}

function whatOf({ atMs, verdict, detail }: Decision): string {
  return `${time(atMs).slice(11)} ${verdict === 'fire' ? '' : 'observed '}${detail}`;
}

function headOf(result: ReplayResult) {
  const { signals, fromMs, toMs, gaps, leftOut, redacted } = result;
  return { signals, fromMs, toMs, gaps, leftOut, redacted };
}

function summaryOf(result: ReplayResult, count: number, noun: string): string {
  const { fromMs, toMs, signals, gaps, leftOut, redacted } = result;
  const lasted = fromMs === undefined || toMs === undefined ? 0 : toMs - fromMs;
  const missing = gaps.reduce((sum, { dropped }) => sum + dropped, 0);
  const notes = [
    ...(gaps.length > 0 ? [`${gaps.length} gaps (${missing} signals are missing)`] : []),
    ...(redacted ? ['without secrets: a rule that looks at one may decide otherwise'] : []),
    ...(leftOut > 0 ? [`${leftOut} more are not kept`] : []),
  ];
  const from = fromMs === undefined ? '' : `${time(fromMs)}, `;
  return [
    `recording  ${from}${formatDuration(lasted)}, ${signals} signals, ${plural(count, noun)}\n`,
    ...notes.map((note) => `note       ${note}\n`),
  ].join('');
}

function agreement(io: Io, { equal, differences }: ReplayResult): string {
  if (differences.length === 0) {
    const text = `all ${plural(equal, 'decision')} are those that the agent made`;
    return `compared   ${paint(io, 'green', text)}\n`;
  }
  const rows = differences
    .slice(0, 20)
    .flatMap(({ atMs, recorded, replayed }: Difference) => [
      `  ${time(atMs)} agent:  ${printable(recordedText(recorded))}\n`,
      `  ${' '.repeat(time(atMs).length)} replay: ${printable(recordedText(replayed))}\n`,
    ]);
  const more = differences.length > 20 ? `  and ${differences.length - 20} more\n` : '';
  const text = `${plural(differences.length, 'decision')} of ${equal + differences.length} differ`;
  return `compared   ${paint(io, 'red', text)}\n${rows.join('')}${more}`;
}

function recordedText(one: RecordedDecision | undefined): string {
  if (!one) return 'nothing';
  return `${one.rule} ${one.reason} ${one.target ?? 'no target'}: ${one.detail}`;
}

function reasonCell(io: Io, { verdict, reason }: Decision): string {
  return verdict === 'fire' ? paint(io, 'green', reason) : reason;
}

function targetText({ target }: Decision): string {
  return target ? describeTarget(target) : '-';
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function decisionForMachines({
  atMs,
  rule,
  verdict,
  reason,
  detail,
  target,
  trail,
  signal,
}: Decision) {
  return { at: time(atMs), rule, verdict, reason, detail, target, trail, signal: signal.text };
}

function changeForMachines(change: FiringChange) {
  return {
    ...change,
    ...('before' in change ? { before: decisionForMachines(change.before) } : {}),
    ...('after' in change ? { after: decisionForMachines(change.after) } : {}),
  };
}
