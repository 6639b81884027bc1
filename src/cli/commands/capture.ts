import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import type {
  CaptureEnd,
  CaptureProgress,
  CaptureRequestBody,
  JoinedCapture,
} from '../../agent/index.ts';
import { formatBytes, formatDuration, StillpointError } from '../../base/index.ts';
import { type BackendChoice, reasons } from '../../signal/index.ts';
import { createAgentClient } from '../agent-client.ts';
import type { CommandEnd } from '../exit.ts';
import { type Io, paint, print, printable, printableLines } from '../output.ts';
import {
  addOutputOption,
  addSocketOption,
  type OutputOptions,
  type SocketOptions,
} from './shared-options.ts';

interface CaptureOptions extends OutputOptions, SocketOptions {
  via: BackendChoice;
  evenInObserve?: boolean;
}

/** `stillpoint capture NS/POD[/CONTAINER]`: asks the agent for a capture and waits for its end. */
export function addCaptureCommand(program: Command, io: Io, end: (end: CommandEnd) => void): void {
  const command = program
    .command('capture')
    .argument('<target>', 'NAMESPACE/POD or NAMESPACE/POD/CONTAINER')
    .description('capture a container of this node now; guards and the deny list hold')
    .addOption(
      new Option('--via <backend>', 'how the checkpoint is asked for')
        .choices(['auto', 'containerd', 'cri', 'kubelet'])
        .default('auto'),
    )
    .option('--even-in-observe', 'capture also where the agent only observes (mode: observe)')
    .addHelpText(
      'after',
      `
Exit code 3: the agent is away, or it stopped before the end. What it had accepted is in its
journal and goes on at its next start. Exit code 4: refused, for the reason that is named.

A container is captured once at a time: what another rule wants already is joined, and made in
that rule's way.

Examples:
  stillpoint capture shop/cart-7d9f
  stillpoint capture shop/cart-7d9f/app --via kubelet --output json
`,
    );
  addOutputOption(addSocketOption(command)).action(
    async (target: string, options: CaptureOptions) => {
      end(await capture(io, parseTarget(target), options));
    },
  );
}

/** `NS/POD[/CONTAINER]`. Error: `usage`. */
export function parseTarget(
  text: string,
): Pick<CaptureRequestBody, 'namespace' | 'pod' | 'container'> {
  const [namespace, pod, container, ...rest] = text.split('/');
  const isWhole = Boolean(namespace && pod) && container !== '' && rest.length === 0;
  if (isWhole && namespace && pod) return { namespace, pod, container };
  throw new StillpointError({
    code: 'usage',
    message: `"${text}" names no container; allowed: NAMESPACE/POD or NAMESPACE/POD/CONTAINER`,
  });
}

async function capture(
  io: Io,
  target: ReturnType<typeof parseTarget>,
  { via, evenInObserve, output, socket }: CaptureOptions,
): Promise<CommandEnd> {
  const by = `cli, user ${userInfo().username}`;
  const body: CaptureRequestBody = { ...target, via, by, evenInObserve };
  const lines = createAgentClient(socket).lines('POST', '/v1/captures', body);
  for await (const line of lines as AsyncIterable<CaptureProgress>) {
    if (output !== 'table' && isLast(line))
      print(io, output, line, () => ({ columns: [], rows: [] }));
    if (output === 'table') (isLast(line) ? io.out : io.err)(`${describe(io, line)}\n`);
    if (isLast(line)) {
      if (line.joined && output === 'table') io.err(joinedText(io, line.joined, via));
      return { exitCode: exitCodeOf(line) };
    }
  }
  throw new StillpointError({
    code: 'unreachable',
    message: 'the agent ended before the capture did',
    hint: 'What became of it is in `stillpoint status` once the agent runs again.',
  });
}

/** It was one capture for both: what was asked for beside it did not count. */
function joinedText(io: Io, { rule, via }: JoinedCapture, asked: BackendChoice): string {
  const what = `a capture that rule ${rule} wanted already, through ${via}`;
  const lost = asked === 'auto' || asked === via ? '' : `; --via ${asked} had no effect`;
  return `${paint(io, 'yellow', 'joined')} ${printable(`${what}${lost}`)}\n`;
}

function isLast(line: CaptureProgress): line is CaptureEnd {
  return line.kind !== 'accepted' && line.kind !== 'capturing' && line.kind !== 'verifying';
}

function exitCodeOf(line: CaptureEnd): number {
  const codes = { done: 0, refused: 4, failed: 1, broken: 5, stopped: 3 } as const;
  return codes[line.kind];
}

/** What the next start of the agent does about a capture that its stop came before. */
const thenTexts = {
  requeue: 'it is kept in the journal, and captured when the agent starts again within the hour',
  'thaw-and-look':
    'its checkpoint was under way: the next start sees to it that the container runs, and looks ' +
    'for the archive',
  verify: 'the archive is there: the next start proves and records it',
  nothing: 'it has ended: see `stillpoint status` once the agent runs again',
} as const satisfies Record<Extract<CaptureEnd, { kind: 'stopped' }>['then'], string>;

function describe(io: Io, line: CaptureProgress): string {
  switch (line.kind) {
    case 'accepted':
      return printable(`accepted as ${line.trigger}: ${line.target}`);
    case 'capturing':
      return 'capturing …';
    case 'verifying': {
      const still =
        line.frozenMs === undefined ? '' : `, stood still ${formatDuration(line.frozenMs)}`;
      const took = formatDuration(line.checkpointMs);
      return `checkpoint through ${line.backend} took ${took}${still}; proving the archive …`;
    }
    case 'done': {
      const { archive, bytes, sha256 } = line.record;
      const size = formatBytes(bytes);
      return `${paint(io, 'green', 'captured')} ${printable(archive)} (${size})\nsha256 ${printable(sha256)}`;
    }
    case 'refused':
      return `${paint(io, 'yellow', 'refused')} ${line.reason}: ${reasons[line.reason]} (${printable(line.detail)})`;
    case 'failed':
      return `${paint(io, 'red', 'failed')} ${printable(line.class)}: ${printableLines(line.message)}\nhint: ${printableLines(line.hint)}`;
    case 'stopped':
      return `${paint(io, 'yellow', 'stopped')} the agent stopped before the end of ${printable(line.trigger)}: ${thenTexts[line.then]}`;
    case 'broken':
      return `${paint(io, 'red', 'broken')} ${printable(`${line.archive}: ${line.findings.join('; ')}`)}`;
  }
}
