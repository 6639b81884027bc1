import { daemonReport, labState, leftovers, netnsInode } from '../cluster/index.ts';
import { readLabInfo } from '../lab-info.ts';
import { labName } from '../layout.ts';
import { runKubectl } from './kubectl.ts';
import { describeLab } from './up.ts';

/** Exit code 0 when the lab is up, 1 when it is down or broken. */
export async function showStatus(): Promise<number> {
  const state = labState();
  const print = (text: string) => process.stdout.write(`${text}\n`);
  print(`${labName} is ${state}`);
  for (const line of daemonReport()) print(`  ${line}`);
  if (state === 'broken') {
    for (const line of leftovers(netnsInode())) print(`  ${line}`);
    print('run "npm run lab -- down" to clear it away; "up" does so too');
  }
  if (state !== 'up') return 1;
  const lab = readLabInfo();
  const versions = Object.entries(lab.versions).map(([name, version]) => `${name} ${version}`);
  print(`versions: ${versions.join(', ')}`);
  print(`up since ${lab.startedAt}, cgroup v${lab.cgroup.version}, ${lab.cgroup.driver}`);
  process.stdout.write(describeLab(lab));
  await runKubectl(['get', 'nodes', '-o', 'wide']);
  await runKubectl(['get', 'pods', '-A', '-o', 'wide']);
  return 0;
}
