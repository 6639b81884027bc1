import type { Command } from 'commander';
import {
  answerText,
  type ContainerExplanation,
  createReplay,
  type ExplainQuery,
  type RuleExplanation,
  type TrailPart,
} from '../../rules/index.ts';
import { createAgentClient } from '../agent-client.ts';
import { formatData, formatFields, type Io, paint, printable } from '../output.ts';
import { readRecordings } from '../recording-reader.ts';
import { formatTable } from '../table.ts';
import { parseTarget } from './capture.ts';
import {
  addOutputOption,
  addSocketOption,
  type OutputOptions,
  type SocketOptions,
} from './shared-options.ts';

interface ExplainOptions extends OutputOptions, SocketOptions {
  rule?: string;
  recording?: string[];
}

/** `stillpoint rules explain`: why each rule did or did not fire. */
export function addRulesExplainCommand(rules: Command, io: Io): void {
  const explain = rules
    .command('explain')
    .argument('<target>', 'NAMESPACE/POD[/CONTAINER]')
    .description('why each rule did or did not fire for a container, with the values')
    .option('--rule <name>', 'one rule, with all that was looked at')
    .option('--recording <file...>', 'ask a recording, as it was at its end, instead of the agent')
    .addHelpText(
      'after',
      `
Examples:
  stillpoint rules explain shop/cart-7d9f
  stillpoint rules explain shop/cart-7d9f/app --rule oom-nearing
  stillpoint rules explain shop/cart-7d9f --recording recording.ndjson
`,
    );
  addOutputOption(addSocketOption(explain)).action(
    async (target: string, options: ExplainOptions) => {
      const { rule } = options;
      const query = { ...parseTarget(target), ...(rule === undefined ? {} : { rule }) };
      const found = options.recording
        ? await fromRecording(options.recording, query)
        : await createAgentClient(options.socket).json<ContainerExplanation[]>(
            'POST',
            '/v1/explain',
            query,
          );
      if (options.output !== 'table') io.out(formatData(options.output, found));
      else io.out(found.map((one) => describe(io, one, rule !== undefined)).join('\n'));
    },
  );
}

async function fromRecording(
  paths: readonly string[],
  query: ExplainQuery,
): Promise<ContainerExplanation[]> {
  const replay = createReplay();
  for await (const entry of readRecordings(paths, { torn: [] })) replay.take(entry);
  return replay.explain(query);
}

function describe(io: Io, one: ContainerExplanation, isWhole: boolean): string {
  const { namespace, pod, container, state, containerId, rules } = one;
  const id = containerId === '' ? 'no container' : `container ${containerId.slice(0, 12)}`;
  const head = `${printable(`${namespace}/${pod}/${container}: ${state}, ${id}`)}\n\n`;
  if (rules.length === 0) return `${head}no rules are in force\n`;
  if (isWhole) return head + rules.map((rule) => describeRule(io, rule)).join('\n');
  return (
    head +
    formatTable(
      [{ title: 'RULE' }, { title: 'KIND' }, { title: 'ANSWER' }, { title: 'WHY' }],
      rules.map(({ rule, kind, answer, detail }) => [
        printable(rule),
        kind,
        paintAnswer(io, answer),
        printable(detail === '' ? answerText(answer) : detail),
      ]),
    )
  );
}

function describeRule(io: Io, one: RuleExplanation): string {
  const { rule, kind, mode, answer, detail, trail, last } = one;
  const lastText =
    last && `${new Date(last.atMs).toISOString()} ${last.reason}: ${last.detail} [${last.signal}]`;
  return [
    formatFields([
      ['rule', printable(`${rule} (${kind}, ${mode})`)],
      ['answer', `${paintAnswer(io, answer)}: ${answerText(answer)}`],
      ['why', detail === '' ? undefined : printable(detail)],
      ['last', lastText === undefined ? undefined : printable(lastText)],
    ]),
    trail.length > 0 ? `\n${trailTable(io, trail)}` : '',
    last && last.trail.length > 0 ? `\nof the last decision:\n${trailTable(io, last.trail)}` : '',
  ].join('');
}

function trailTable(io: Io, trail: readonly TrailPart[]): string {
  return formatTable(
    [{ title: '' }, { title: 'PART' }, { title: 'SAW' }, { title: 'WANTS' }],
    trail.map(({ part, holds, saw, wants = '' }) => [
      holds ? paint(io, 'green', '+') : paint(io, 'red', '-'),
      ...[part, saw, wants].map(printable),
    ]),
  );
}

function paintAnswer(io: Io, answer: RuleExplanation['answer']): string {
  return answer === 'fired' ? paint(io, 'green', answer) : answer;
}
