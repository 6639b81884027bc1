import { step } from '../base/progress.ts';
import { run } from '../base/run.ts';

const lists = { updated: false };

/** Installs the Debian packages that are not there yet; asks dpkg only, when all are. */
export async function ensurePackages(names: readonly string[]): Promise<void> {
  const absent = await absentPackages(names);
  if (absent.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await step(`installing ${absent.join(' ')}`, async () => {
    if (!lists.updated) await run('apt-get', ['update', '-qq'], { env });
    lists.updated = true;
    const options = ['install', '-y', '-qq', '--no-install-recommends'];
    await run('apt-get', [...options, ...absent], { env });
  });
}

async function absentPackages(names: readonly string[]): Promise<string[]> {
  const format = `\${Package} \${db:Status-Status}\n`;
  // dpkg-query ends with 1 when it has never heard of one of the names; its answer still counts.
  const query = await run('dpkg-query', ['-W', '-f', format, ...names], { allowFailure: true });
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}
