import { message, type ProtoField, zigzag } from './protobuf.ts';

/**
 * The images that CRIU 4.2 writes of one process that sleeps: an executable, a heap and a stack.
 * Layouts, magics and field numbers are those of CRIU's images/*.proto and include/magic.h;
 * required fields of those proto2 messages are always there.
 */

const MAGIC = {
  common: 0x54564319,
  service: 0x55105940,
  inventory: 0x58313116,
  pstree: 0x50273030,
  core: 0x55053847,
  mm: 0x57492820,
  pagemap: 0x56084025,
  ids: 0x54432030,
  files: 0x56303138,
  fdinfo: 0x56213732,
  fs: 0x51403912,
  mountpoints: 0x55563928,
  seccomp: 0x64413049,
  cgroup: 0x59383330,
  utsns: 0x54473203,
  timens: 0x43114433,
  stats: 0x57093306,
} as const;

export const PAGE_BYTES = 4096;

/** The process whose images are made. */
export interface ImageProcess {
  comm: string;
  argv: readonly string[];
  env: readonly string[];
  executable: string;
  hostname: string;
  cgroupPath: string;
  heapPages: number;
  upMs: number;
}

const CODE_START = 0x400000;
const HEAP_START = 0x10000000;
const STACK_TOP = 0x7ffd10000000;
const STACK_PAGES = 2;
const INIT_PID = 1;
const FILE = { executable: 1, devNull: 2, stdout: 3, stderr: 4, cwd: 5, root: 6 } as const;
const FD_TYPE = { reg: 1, pipe: 2 } as const;
/** Each namespace of the container by its image id, as CRIU numbers them. */
const NAMESPACE_IDS = [9, 10, 11, 12, 13, 7, 8, 5] as const;

/** Arguments and environment at the top of the stack, as the kernel lays them. */
function stackText({ argv, env }: ImageProcess) {
  const args = Buffer.from(argv.map((text) => `${text}\0`).join(''), 'utf8');
  const environment = Buffer.from(env.map((text) => `${text}\0`).join(''), 'utf8');
  const room = STACK_PAGES * PAGE_BYTES - 16;
  const content = Buffer.concat([args, environment]).subarray(0, room);
  const argStart = STACK_TOP - 16 - content.length;
  const argEnd = argStart + Math.min(args.length, room);
  return { content, argStart, argEnd, envEnd: argStart + content.length };
}

/** All members of checkpoint/ but the pages, by name. */
export function criuImages(process: ImageProcess): Map<string, Buffer> {
  const ids = taskIds();
  const member = message([1, ''], [2, process.cgroupPath]);
  const images: [string, Buffer][] = [
    ['inventory.img', Buffer.concat([u32(MAGIC.inventory), sized(inventory(ids, process))])],
    [`pstree.img`, image(MAGIC.pstree, message([1, INIT_PID], [2, 0], [3, 1], [4, 1], [5, [1]]))],
    [`core-${INIT_PID}.img`, image(MAGIC.core, core(process))],
    [`mm-${INIT_PID}.img`, image(MAGIC.mm, memoryMap(process))],
    [`pagemap-${INIT_PID}.img`, image(MAGIC.pagemap, ...pagemap(process))],
    [`ids-${INIT_PID}.img`, image(MAGIC.ids, ids)],
    [`fs-${INIT_PID}.img`, image(MAGIC.fs, message([1, FILE.cwd], [2, FILE.root], [3, 0o22]))],
    ['fdinfo-2.img', image(MAGIC.fdinfo, ...openDescriptors())],
    ['files.img', image(MAGIC.files, ...openFiles(process))],
    ['mountpoints-13.img', image(MAGIC.mountpoints, ...mounts())],
    ['seccomp.img', image(MAGIC.seccomp, message([1, message([1, ALLOW_ALL], [3, 1])]))],
    ['cgroup.img', image(MAGIC.cgroup, message([1, message([1, 2], [2, member])]))],
    ['utsns-12.img', image(MAGIC.utsns, message([1, process.hostname], [2, '(none)']))],
    ['timens-0.img', image(MAGIC.timens, timeNamespace(process))],
    ['descriptors.json', Buffer.from('["/dev/null","pipe:[418904]","pipe:[418905]"]')],
  ];
  return new Map(images);
}

/** Size of pages-1.img: exactly the pages that pagemap-1.img lists. */
export function pagesBytes({ heapPages }: ImageProcess): number {
  return (heapPages + STACK_PAGES) * PAGE_BYTES;
}

/**
 * What of pages-1.img is not zero: a text at the start of each sixteenth heap page, then the stack
 * with arguments and environment.
 */
export function* pagePieces(process: ImageProcess, heapText: string) {
  const text = Buffer.from(heapText, 'utf8').subarray(0, PAGE_BYTES);
  for (let page = 0; page < process.heapPages; page += 16) {
    yield { offset: page * PAGE_BYTES, content: text };
  }
  const { content, argStart } = stackText(process);
  const stackStart = STACK_TOP - STACK_PAGES * PAGE_BYTES;
  yield { offset: process.heapPages * PAGE_BYTES + (argStart - stackStart), content };
}

/** CRIU's own account of a dump; times in microseconds, written pages of 4 KiB. */
export function statsDump(times: { frozenMs: number; pagesWritten: number }): Buffer {
  const frozenUs = Math.round(times.frozenMs * 1_000);
  const written = times.pagesWritten;
  const dump = message(
    [1, 300],
    [2, frozenUs],
    [3, Math.round(frozenUs * 0.9)],
    [4, Math.round(frozenUs * 0.8)],
    [5, written + 40],
    [6, 0],
    [7, written],
    [8, 0],
    [9, 0],
    [10, 1],
    [11, 1],
  );
  const head = Buffer.concat([u32(MAGIC.service), u32(MAGIC.stats)]);
  return Buffer.concat([head, sized(message([1, dump]))]);
}

function image(magic: number, ...entries: Buffer[]): Buffer {
  return Buffer.concat([u32(MAGIC.common), u32(magic), ...entries.map(sized)]);
}

function sized(entry: Buffer): Buffer {
  return Buffer.concat([u32(entry.length), entry]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** vm, files, fs and sighand are 2; then the namespaces, fields 5 to 12. */
function taskIds(): Buffer {
  const namespaces = NAMESPACE_IDS.map((id, at): ProtoField => [5 + at, id]);
  return message([1, 2], [2, 2], [3, 2], [4, 2], ...namespaces);
}

function inventory(ids: Buffer, { upMs }: ImageProcess): Buffer {
  return message([1, 2], [2, true], [3, ids], [4, true], [5, 1], [6, 0], [8, Math.round(upMs)]);
}

const NO_TIMER = message([1, 0], [2, 0], [3, 0], [4, 0]);
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

function core({ comm }: ImageProcess): Buffer {
  const rlimits = Array.from({ length: 16 }, () => message([1, UNLIMITED], [2, UNLIMITED]));
  const task = message(
    [1, 1], // task_state: alive
    [2, 0],
    [3, 0],
    [4, 0x400100],
    [5, 0],
    [6, comm],
    [7, message([1, NO_TIMER], [2, NO_TIMER], [3, NO_TIMER])],
    [8, message([1, rlimits])],
    [14, 0],
  );
  const ids = [1, 2, 3, 4, 5, 6, 7, 8].map((field): ProtoField => [field, 0]);
  const credentials = message(...ids, [13, 0], [18, 0]);
  const thread = message([1, 0], [2, 24], [3, zigzag(0)], [4, 0], [10, credentials], [13, comm]);
  return message([1, 1], [2, threadX86()], [3, task], [5, thread]);
}

/** Registers of a thread that sleeps: instruction and stack pointer are inside its mappings. */
function threadX86(): Buffer {
  const registers: ProtoField[] = [];
  for (let field = 1; field <= 27; field++) registers.push([field, 0]);
  registers[16] = [17, CODE_START + 0x1000];
  registers[17] = [18, 51];
  registers[18] = [19, 0x202];
  registers[19] = [20, STACK_TOP - PAGE_BYTES];
  registers[20] = [21, 43];
  const floating = message([1, 895], [2, 0], [3, 0], [4, 0], [5, 0], [6, 0], [7, 8064], [8, 65535]);
  return message([1, 0], [2, message(...registers, [28, 1])], [3, floating]);
}

interface Area {
  start: number;
  end: number;
  fileId: number;
  protection: number;
  flags: number;
  status: number;
}

function areas({ heapPages }: ImageProcess): Area[] {
  const [shared, anonymous] = [0x02, 0x22];
  const regular = 1;
  return [
    {
      start: CODE_START,
      end: CODE_START + 0x10000,
      fileId: FILE.executable,
      protection: 5,
      flags: shared,
      status: regular | (1 << 6),
    },
    {
      start: HEAP_START,
      end: HEAP_START + heapPages * PAGE_BYTES,
      fileId: 0,
      protection: 3,
      flags: anonymous,
      status: regular | (1 << 5) | (1 << 9),
    },
    {
      start: STACK_TOP - STACK_PAGES * PAGE_BYTES,
      end: STACK_TOP,
      fileId: 0,
      protection: 3,
      flags: anonymous | 0x100,
      status: regular | (1 << 9),
    },
  ];
}

function memoryMap(process: ImageProcess): Buffer {
  const { argStart, argEnd, envEnd } = stackText(process);
  const heapEnd = HEAP_START + process.heapPages * PAGE_BYTES;
  const bounds = [
    CODE_START,
    CODE_START + 0x10000,
    CODE_START,
    CODE_START + 0x10000,
    STACK_TOP - PAGE_BYTES,
    HEAP_START,
    heapEnd,
    argStart,
    argEnd,
    argEnd,
    envEnd,
  ];
  const mapped = areas(process).map((area) =>
    message(
      [1, area.start],
      [2, area.end],
      [3, 0],
      [4, area.fileId],
      [5, area.protection],
      [6, area.flags],
      [7, area.status],
      [8, zigzag(-1)],
    ),
  );
  const auxv = [6, PAGE_BYTES, 0, 0];
  const head = bounds.map((address, at): ProtoField => [at + 1, address]);
  return message(...head, [12, FILE.executable], [13, auxv], [14, mapped], [15, 1]);
}

/** Head, then the heap and the stack: present pages (flag 4), in the order of pages-1.img. */
function pagemap({ heapPages }: ImageProcess): Buffer[] {
  const entry = (address: number, pages: number) =>
    message([1, address], [2, pages], [4, 4], [5, pages]);
  return [
    message([1, 1]),
    entry(HEAP_START, heapPages),
    entry(STACK_TOP - STACK_PAGES * PAGE_BYTES, STACK_PAGES),
  ];
}

const NO_OWNER = message([1, 0], [2, 0], [3, 0], [4, 0], [5, 0]);

function openDescriptors(): Buffer[] {
  const descriptor = (id: number, type: number, fd: number) =>
    message([1, id], [2, 0], [3, type], [4, fd]);
  return [
    descriptor(FILE.devNull, FD_TYPE.reg, 0),
    descriptor(FILE.stdout, FD_TYPE.pipe, 1),
    descriptor(FILE.stderr, FD_TYPE.pipe, 2),
  ];
}

function openFiles({ executable }: ImageProcess): Buffer[] {
  const regular = (id: number, name: string, mode: number) => {
    const file = message([1, id], [2, 0], [3, 0], [5, NO_OWNER], [6, name], [7, zigzag(125)]);
    return message([1, FD_TYPE.reg], [2, id], [3, Buffer.concat([file, message([10, mode])])]);
  };
  const pipe = (id: number, pipeId: number) =>
    message([1, FD_TYPE.pipe], [2, id], [18, message([1, id], [2, pipeId], [3, 1], [4, NO_OWNER])]);
  return [
    regular(FILE.executable, executable, 0o100755),
    regular(FILE.devNull, '/dev/null', 0o020666),
    pipe(FILE.stdout, 418904),
    pipe(FILE.stderr, 418905),
    regular(FILE.cwd, '/', 0o040755),
    regular(FILE.root, '/', 0o040755),
  ];
}

function mounts(): Buffer[] {
  const mount = (type: number, id: number, parent: number, at: string, source: string) =>
    message(
      [1, type],
      [2, id],
      [3, 0x30 + id],
      [4, parent],
      [5, 0x200000],
      [6, '/'],
      [7, at],
      [8, source],
      [9, ''],
    );
  return [
    mount(5, 128, 125, '/dev', 'tmpfs'),
    mount(1, 126, 125, '/proc', 'proc'),
    mount(17, 125, 1, '/', 'overlay'),
  ];
}

function timeNamespace({ upMs }: ImageProcess): Buffer {
  const time = message([1, Math.floor(upMs / 1_000)], [2, Math.round(upMs % 1_000) * 1_000_000]);
  return message([1, time], [2, time]);
}

/** One BPF instruction: return SECCOMP_RET_ALLOW. */
const ALLOW_ALL = Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);
