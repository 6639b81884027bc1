import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { PruneItem, PruneReply } from '../../agent/index.ts';
import {
  type ArchiveEntry,
  type ArchiveReport,
  describeFinding,
  listDirectory,
  type Standing,
  showArchive,
  verifyArchive,
} from '../../archive/index.ts';
import { formatBytes, formatDuration, messageOf, systemClock } from '../../base/index.ts';
import { createAgentClient } from '../agent-client.ts';
import { describeReport, isSound } from '../archive-report.ts';
import { type CommandEnd, errorForMachines, exitCodeOf } from '../exit.ts';
import { type Io, print, printable } from '../output.ts';
import {
  addDirOption,
  addOutputOption,
  addSocketOption,
  type OutputOptions,
  type SocketOptions,
} from './shared-options.ts';

interface DirOptions extends OutputOptions {
  dir: string;
}

/** `stillpoint archives …`: list, show and verify need no agent; prune is done by the agent. */
export function addArchivesCommand(program: Command, io: Io, end: (end: CommandEnd) => void): void {
  const archives = program.command('archives').description('look at archives, and remove old ones');
  const list = archives
    .command('list')
    .description('all checkpoint archives in the directory, oldest first, foreign ones too')
    .addHelpText('after', '\nExample:\n  stillpoint archives list --output json\n');
  addOutputOption(addDirOption(list)).action(async ({ dir, output }: DirOptions) => {
    print(io, output, await listDirectory(dir), listTable);
  });

  const show = archives
    .command('show')
    .argument('<name>', 'file name of an archive, or a path')
    .description('what an archive holds, and the rule and signals that caused it')
    .addHelpText('after', '\nExample:\n  stillpoint archives show checkpoint-….tar\n');
  addOutputOption(addDirOption(show)).action(async (name: string, { dir, output }: DirOptions) => {
    const report = await showArchive(pathOf(dir, name));
    if (output === 'table') io.out(describeReport(io, report));
    else print(io, output, report, () => ({ columns: [], rows: [] }));
  });

  const verify = archives
    .command('verify')
    .argument('[name...]', 'archives; without one, all that have a record')
    .description('prove archives complete and equal to their records (size, SHA-256, identity)')
    .addHelpText(
      'after',
      `
Exit code 5 when one is not sound.

Examples:
  stillpoint archives verify
  stillpoint archives verify ./checkpoint-….tar --output json
`,
    );
  addOutputOption(addDirOption(verify)).action(async (names: string[], options: DirOptions) => {
    end(await verifyAll(io, names, options));
  });

  const prune = archives
    .command('prune')
    .option('--dry-run', 'print the plan, remove nothing', false)
    .description('carry out the retention policies now (the agent does it)')
    .addHelpText('after', '\nExample:\n  stillpoint archives prune --dry-run\n');
  addOutputOption(addSocketOption(prune)).action(
    async ({ dryRun, output, socket }: OutputOptions & SocketOptions & { dryRun: boolean }) => {
      const client = createAgentClient(socket);
      const reply = await client.json<PruneReply>('POST', '/v1/prune', { dryRun });
      print(io, output, reply, pruneTable);
      if (output === 'table') io.out(pruneSummary(reply));
      if (reply.items.some(({ result }) => result === 'failed')) end({ exitCode: 1 });
    },
  );
}

/** A name lies in the directory; anything with a slash is a path of its own. */
function pathOf(dir: string, name: string): string {
  return name.includes('/') ? name : join(dir, name);
}

function listTable(entries: readonly ArchiveEntry[]) {
  const nowMs = systemClock.wallMs();
  return {
    empty: 'no archives',
    columns: [
      { title: 'ARCHIVE' },
      { title: 'POD' },
      { title: 'CONTAINER' },
      { title: 'RULE' },
      { title: 'CLASS' },
      { title: 'SIZE', align: 'right' as const },
      { title: 'AGE', align: 'right' as const },
      { title: 'STANDING' },
    ],
    rows: entries.map(({ name, bytes, createdMs, standing }) => {
      const record = standing.kind === 'recorded' ? standing.record : undefined;
      return [
        name,
        record ? `${record.namespace}/${record.pod}` : '',
        record?.container ?? '',
        record?.rules.join(',') ?? '',
        record?.retainClass ?? '',
        formatBytes(bytes),
        formatDuration(Math.max(0, nowMs - createdMs)),
        standingText(standing),
      ].map(printable);
    }),
  };
}

/** Without the changes of its root file system an archive shows memory alone: worth a word. */
function standingText(standing: Standing): string {
  if (standing.kind !== 'recorded') return standing.kind;
  const { verified, missing = [] } = standing.record;
  const lacksFiles = missing.some(({ member }) => member === 'rootfs-diff.tar');
  return lacksFiles ? `${verified}, without rootfs-diff.tar` : verified;
}

/** What became of one name: a report, or why there is none. */
type Verified = ArchiveReport | { archive: string; error: unknown };

async function verifyAll(
  io: Io,
  names: string[],
  { dir, output }: DirOptions,
): Promise<CommandEnd> {
  const paths =
    names.length > 0
      ? names.map((name) => pathOf(dir, name))
      : (await listDirectory(dir))
          .filter(({ standing }) => standing.kind !== 'foreign')
          .map(({ name }) => join(dir, name));
  const all: Verified[] = [];
  for (const path of paths) {
    if (output === 'table' && io.color) io.err(`verifying ${printable(path)} …\n`);
    // One that cannot be read must not hide what is wrong with the others.
    all.push(await verifyArchive(path).catch((error) => ({ archive: basename(path), error })));
  }
  const forMachines = all.map((one) =>
    'error' in one ? { ...one, error: errorForMachines(one.error) } : one,
  );
  if (output === 'table') print(io, output, all, verifyTable);
  else print(io, output, forMachines, () => ({ columns: [], rows: [] }));
  if (all.some((one) => 'verification' in one && !isSound(one))) return { exitCode: 5 };
  const [unread] = all.flatMap((one) => ('error' in one ? [exitCodeOf(one.error)] : []));
  return { exitCode: unread ?? 0 };
}

function verifyTable(all: readonly Verified[]) {
  return {
    empty: 'no archives of ours',
    columns: [{ title: 'ARCHIVE' }, { title: 'ARCHIVE IS' }, { title: 'RECORD' }, { title: 'WHY' }],
    rows: all.map((one) => {
      if ('error' in one) return [one.archive, 'unread', '', messageOf(one.error)].map(printable);
      const { archive, verification, record } = one;
      const why = [
        ...(verification.kind === 'broken' ? verification.findings.map(describeFinding) : []),
        ...(verification.kind === 'unverified' ? [verification.detail] : []),
        ...(record.kind === 'differs' ? record.differences : []),
        ...(record.kind === 'broken' ? [record.why] : []),
      ];
      return [archive, verification.kind, record.kind, why.join('; ')].map(printable);
    }),
  };
}

function pruneTable({ items }: PruneReply) {
  return {
    empty: 'no archives',
    columns: [{ title: 'ARCHIVE' }, { title: 'RESULT' }, { title: 'POLICY' }, { title: 'WHY' }],
    rows: items.map(({ archive, result, policy, reasons, detail }: PruneItem) =>
      [archive, result, policy, [...reasons, ...(detail === '' ? [] : [detail])].join('; ')].map(
        printable,
      ),
    ),
  };
}

function pruneSummary({ dryRun, items, removedBytes, leftBytes, unmet }: PruneReply): string {
  const removed = items.filter(({ result }) => result === 'removed' || result === 'would-remove');
  const verb = dryRun ? 'would be removed (dry run)' : 'removed';
  const freed = dryRun
    ? ''
    : `, ${formatBytes(removedBytes)} freed, ${formatBytes(leftBytes)} left`;
  const limits = unmet.map((text) => `limit still exceeded: ${printable(text)}\n`).join('');
  return `${removed.length} ${verb}${freed}\n${limits}`;
}
