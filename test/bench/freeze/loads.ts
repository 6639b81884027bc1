import { pathLabels } from '../../lab/rig/capture-paths.ts';

/** What a container holds while it is captured. */
export interface Load {
  sizeMiB: number;
  /** Changes of its root file system. */
  files: 'few' | 'random' | 'text';
}

export const FILES_MB = 300;

export function nameOf({ sizeMiB, files }: Load): string {
  if (files === 'few') return `${sizeMiB} MiB`;
  const kind = files === 'random' ? 'one incompressible file' : 'log files of 256 KiB';
  return `${sizeMiB} MiB and ${FILES_MB} MB of file system changes (${kind})`;
}

/** A pod that fills its files, then its memory, says "full" and tells each gap of its ticker. */
export function podOf(load: Load): {
  name: string;
  labels: Record<string, string>;
  command: string[];
} {
  const { sizeMiB, files } = load;
  const hog = `exec hog 2000 ${sizeMiB} 0 --gaps`;
  const fill = files === 'few' ? '' : `fill ${files} ${FILES_MB} && `;
  return {
    name: `freeze-${sizeMiB}-${files}`,
    labels: pathLabels,
    command: ['sh', '-c', `${fill}${hog}`],
  };
}
