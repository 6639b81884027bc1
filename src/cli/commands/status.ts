import type { Command } from 'commander';
import type { AgentStatus } from '../../agent/index.ts';
import { formatBytes, formatDuration, systemClock } from '../../base/index.ts';
import { createAgentClient } from '../agent-client.ts';
import { formatFields, type Io, paint, print, printable, printableLines } from '../output.ts';
import { formatTable } from '../table.ts';
import {
  addOutputOption,
  addSocketOption,
  type OutputOptions,
  type SocketOptions,
} from './shared-options.ts';

/** `stillpoint status`, `pause` and `resume`. */
export function addStatusCommands(program: Command, io: Io): void {
  const status = program
    .command('status')
    .description('what the agent of this node sees, holds and did')
    .addHelpText('after', '\nExample:\n  stillpoint status --output json\n');
  addOutputOption(addSocketOption(status)).action(
    async ({ output, socket }: OutputOptions & SocketOptions) => {
      const read = await createAgentClient(socket).json<AgentStatus>('GET', '/v1/status');
      if (output === 'table') io.out(describeStatus(io, read));
      else print(io, output, read, () => ({ columns: [], rows: [] }));
    },
  );
  for (const verb of ['pause', 'resume'] as const) {
    const command = program
      .command(verb)
      .description(
        verb === 'pause' ? 'begin no more captures on this node' : 'capture again after a pause',
      )
      .addHelpText('after', `\nExample:\n  stillpoint ${verb}\n`);
    addSocketOption(command).action(async ({ socket }: SocketOptions) => {
      await createAgentClient(socket).json('POST', `/v1/${verb}`);
      io.out(verb === 'pause' ? 'paused: what runs goes on, nothing new begins\n' : 'resumed\n');
    });
  }
}

/** The status for people. */
export function describeStatus(io: Io, status: AgentStatus): string {
  const { captures, archives, disk, rules } = status;
  const running = captures.running ? `, capturing ${printable(captures.running.target)}` : '';
  const head = formatFields([
    ['node', printable(status.node)],
    ['version', printable(status.version)],
    ['mode', modeText(io, status.mode)],
    ['up', formatDuration(systemClock.wallMs() - status.startedMs)],
    [
      'captures',
      `${captures.usedThisHour} of ${captures.perHourMax} this hour, ${captures.waiting} waiting${running}`,
    ],
    ['paused', captures.paused ? paint(io, 'yellow', 'yes') : undefined],
    ['archives', `${archives.ours} (${formatBytes(archives.oursBytes)})`],
    ['foreign', `${archives.foreign} (${formatBytes(archives.foreignBytes)})`],
    ['directory', printable(disk.path)],
    ['disk', diskText(io, disk)],
    ['policies', printable(rules.policies.join(', ')) || 'none: nothing is ever removed'],
    ['recording', status.recording && recordingText(io, status.recording)],
    ['rules refused', rules.refused && paint(io, 'red', refusedText(rules))],
  ]);
  const refused = rules.refused ? `\n${printableLines(rules.refused)}\n` : '';
  const warnings = [...status.warnings, ...rules.warnings].map(
    (text) => `${paint(io, 'yellow', 'warning')} ${printableLines(text)}\n`,
  );
  const stuck = captures.stuck.map(({ target, containerId, sinceMs, tries }) => {
    const since = `${formatDuration(systemClock.wallMs() - sinceMs)}, thawed ${tries} times in vain`;
    const what = `${target} stands still since a capture, for ${since} (container ${containerId})`;
    return `${paint(io, 'red', 'stuck')} ${printable(what)}\n`;
  });
  return [
    head,
    stuck.length > 0 ? `\n${stuck.join('')}` : '',
    refused,
    `\n${sourcesTable(io, status)}`,
    `\n${rulesTable(status)}`,
    status.recent.length > 0 ? `\n${recentTable(status)}` : '',
    warnings.length > 0 ? `\n${warnings.join('')}` : '',
  ].join('');
}

function modeText(io: Io, mode: AgentStatus['mode']): string {
  if (mode === 'enforce') return mode;
  return paint(io, 'yellow', 'observe: nothing is captured; see `mode` in stillpoint.yaml');
}

function recordingText(io: Io, recording: NonNullable<AgentStatus['recording']>): string {
  const { path, state, bytes, dropped, reason } = recording;
  const parts = [
    paint(io, state === 'writing' ? 'green' : 'red', state),
    `${printable(path)} (${formatBytes(bytes)})`,
    ...(dropped > 0 ? [paint(io, 'yellow', `${dropped} signals dropped`)] : []),
    ...(reason === undefined ? [] : [printable(reason)]),
  ];
  return parts.join(', ');
}

/** After a start with bad files there is nothing to fall back on. */
function refusedText({ loaded, policies }: AgentStatus['rules']): string {
  const isFallback = loaded.length + policies.length > 0;
  return `yes, ${isFallback ? 'the last good ones are in force' : 'and none were good since the start'}`;
}

function diskText(io: Io, { availableBytes, floorBytes, problem }: AgentStatus['disk']): string {
  const space =
    availableBytes === undefined || floorBytes === undefined
      ? ''
      : `${formatBytes(availableBytes)} free, the kubelet evicts below ${formatBytes(floorBytes)}`;
  if (problem === undefined) return space;
  return [paint(io, 'red', printable(problem)), space].filter((text) => text !== '').join('; ');
}

function sourcesTable(io: Io, { sources, backends, guard }: AgentStatus): string {
  const stateOf = (state: string) =>
    paint(io, state === 'live' || state === 'available' ? 'green' : 'yellow', state);
  return formatTable(
    [{ title: 'PART' }, { title: 'STATE' }, { title: 'DETAIL' }],
    [
      ...sources.map(({ name, status, dropped }) => [
        printable(name),
        stateOf(status.state),
        printable(
          [
            ...('reason' in status ? [status.reason] : []),
            ...Object.entries(dropped)
              .filter(([, count]) => count > 0)
              .map(([reason, count]) => `${count} dropped (${reason})`),
          ].join('; '),
        ),
      ]),
      ...backends.map(({ name, state, why }) => [
        `backend ${name}`,
        stateOf(state),
        printable(why),
      ]),
      ...guardRow(guard, stateOf),
    ],
  );
}

/** An agent of an older version does not know of it. */
function guardRow(guard: AgentStatus['guard'] | undefined, stateOf: (state: string) => string) {
  if (!guard) return [];
  const detail =
    guard.state === 'live' ? `process ${guard.pid}` : `${guard.why}: nothing is paused without it`;
  return [['guard', stateOf(guard.state), printable(detail)]];
}

function rulesTable({ rules }: AgentStatus): string {
  if (rules.loaded.length === 0) return 'no rules are in force\n';
  return formatTable(
    [{ title: 'RULE' }, { title: 'KIND' }, { title: 'MODE' }, { title: 'PASSED OVER' }],
    rules.loaded.map(({ id, kind, mode, passedOver }) =>
      [id, kind, mode, passedOverText(passedOver)].map(printable),
    ),
  );
}

function passedOverText(passedOver: AgentStatus['rules']['loaded'][number]['passedOver']): string {
  return Object.entries(passedOver)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
}

function recentTable({ recent }: AgentStatus): string {
  return formatTable(
    [
      { title: 'TRIGGER' },
      { title: 'ACCEPTED' },
      { title: 'TARGET' },
      { title: 'RULE' },
      { title: 'STATE' },
    ],
    recent.map(({ id, acceptedMs, target, rule, state }) =>
      [id || '-', new Date(acceptedMs).toISOString(), target, rule, state].map(printable),
    ),
  );
}
