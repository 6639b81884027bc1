import { run } from '../base/run.ts';
import { goVersionMin } from '../versions.ts';

/** Says at once, and completely, what this machine lacks to build or run the lab. */
export async function checkMachine(): Promise<void> {
  const lacks: string[] = [];
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    lacks.push(`Linux on x86-64 (this is ${process.platform} on ${process.arch})`);
  }
  if (process.getuid?.() !== 0) lacks.push('root (the lab makes namespaces, mounts and cgroups)');
  if ((await run('sh', ['-c', 'command -v apt-get'], { allowFailure: true })).code !== 0) {
    lacks.push('Debian (apt-get is not there)');
  }
  const go = await run('sh', ['-c', 'go env GOVERSION'], { allowFailure: true });
  if (go.code !== 0) lacks.push(`Go ${goVersionMin} or newer (no "go" on the path)`);
  else if (isOlder(go.stdout.trim(), goVersionMin)) {
    lacks.push(`Go ${goVersionMin} or newer (this is ${go.stdout.trim()})`);
  }
  if (lacks.length > 0) throw new Error(`the lab needs, and does not find: ${lacks.join('; ')}`);
}

function isOlder(found: string, least: string): boolean {
  const numbers = (text: string) => (text.match(/\d+/g) ?? []).map(Number);
  const [major = 0, minor = 0] = numbers(found);
  const [majorMin = 0, minorMin = 0] = numbers(least);
  return major < majorMin || (major === majorMin && minor < minorMin);
}
