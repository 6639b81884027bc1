import { type Archives, isArchiveName, readEntry } from '../archive/index.ts';
import { StillpointError } from '../base/index.ts';
import { carryOut } from '../retention/index.ts';
import { REQUEST_RULE } from '../rules/index.ts';

/** How the pods are named that `doctor --canary` makes in order to capture them. */
export const CANARY_POD_PREFIX = 'stillpoint-canary-';

/**
 * Removes the archive of a canary, and nothing else: a pod of that name, asked for by a person, not
 * on hold. In the same steps as retention, so that a crash in between is cleared up. Resolves with
 * the id of its trigger. Errors: `not-found`, `refused`, those of the file system.
 */
export async function removeCanaryArchive(archives: Archives, name: string): Promise<string> {
  // A name and never a path: nothing outside of the directory is looked at.
  const entry = isArchiveName(name) ? await readEntry(archives.directory, name) : undefined;
  if (!entry) throw new StillpointError({ code: 'not-found', message: `no archive ${name}` });
  const { standing } = entry;
  const record = standing.kind === 'recorded' ? standing.record : undefined;
  const isCanary =
    record?.pod.startsWith(CANARY_POD_PREFIX) === true &&
    record.rules.every((rule) => rule === REQUEST_RULE) &&
    record.hold === undefined;
  if (!record || !isCanary) {
    throw new StillpointError({
      code: 'refused',
      message: `${name} is not the archive of a canary, or an owner holds it`,
      hint: 'Other archives are removed by retention policies only.',
    });
  }
  const removal = { name, bytes: entry.bytes, policy: 'canary', reasons: [] };
  const scope = { archives, planned: new Map([[name, entry]]) };
  const [result] = await carryOut([removal], scope);
  if (result?.kind === 'removed') return record.triggerId;
  if (result?.kind === 'failed') throw result.error;
  const why = result?.kind === 'held-back' ? `${result.code} ${result.detail}`.trim() : 'no result';
  throw new StillpointError({ code: 'conflict', message: `${name} was not removed: ${why}` });
}
