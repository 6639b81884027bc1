/** Where a path really lies, as a process sees it. */
export interface Whereabouts {
  /** The mount point that it lies below. */
  point: string;
  /** `major:minor` of the file system. */
  device: string;
  /** The path inside of that file system. */
  inside: string;
  readOnly: boolean;
}

/**
 * Finds the mount that a path lies on in a /proc/PID/mountinfo (proc(5): id, parent, device, root,
 * mount point, options, …, `-`, type, source, options of the file system). Pure. Of mounts on one
 * another the last counts. Undefined when none fits.
 */
export function whereIs(mountinfo: string, path: string): Whereabouts | undefined {
  let best: Whereabouts | undefined;
  for (const line of mountinfo.split('\n')) {
    const [mount = '', filesystem = ''] = line.split(' - ');
    const [, , device, root, point, options] = mount.split(' ').map(unescaped);
    if (!device || !root || !point || !options || !isBelow(path, point)) continue;
    if (best && best.point.length > point.length) continue;
    const rest = point === '/' ? path : path.slice(point.length);
    const inside = `${root === '/' ? '' : root}${rest === '/' ? '' : rest}` || '/';
    const readOnly = isReadOnly(options) || isReadOnly(filesystem.split(' ')[2] ?? '');
    best = { point, device, inside, readOnly };
  }
  return best;
}

function isReadOnly(options: string): boolean {
  return options.split(',').includes('ro');
}

function isBelow(path: string, point: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`);
}

/** Blanks and such in names are written as three octal digits. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
