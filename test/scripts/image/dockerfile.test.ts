import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { imageConfig } from '../../../scripts/image/config.ts';
import { imageName, readManifest } from '../../../scripts/image/names.ts';
import { debianSuite } from '../../../scripts/image/pins.ts';
import { inputs } from '../../../scripts/image/recipe.ts';
import { readText, repositoryRoot } from '../../structure/source-tree.ts';

const dockerfile = readText('deploy/Dockerfile').replaceAll('\\\n', ' ');
const manifest = readManifest();

/** The words after an instruction, one text for each time it stands there. */
function told(instruction: string): string[] {
  const found = dockerfile.matchAll(new RegExp(`^${instruction} +(.*)$`, 'gm'));
  return [...found].map((match) => match[1] ?? '');
}

describe('the Dockerfile', () => {
  const copied = told('COPY')
    .filter((words) => !words.startsWith('--from'))
    .flatMap((words) => words.split(/\s+/).slice(0, -1));

  it('copies what the script reads, and only what is there', () => {
    expect(copied.filter((path) => !existsSync(join(repositoryRoot, path)))).toEqual([]);
    const needed = new Set(inputs.map((path) => path.split('/')[0]));
    expect(new Set(copied)).toEqual(needed);
  });

  it('is given just these paths to copy from', () => {
    const [first, ...rest] = readText('deploy/Dockerfile.dockerignore').trim().split('\n');
    expect(first).toBe('*');
    expect(new Set(rest)).toEqual(new Set(copied.map((path) => `!${path}`)));
  });

  it('builds on the node and the Debian that go into the image', () => {
    expect(told('FROM')[0]).toContain(
      ` node:${manifest.devDependencies.node}-${debianSuite}-slim AS build`,
    );
  });

  it('runs scripts that are there, with an option that they have', () => {
    expect(told('RUN')[0]).toBe('node scripts/setup.mjs');
    expect(told('RUN')[1]).toMatch(/^npm run image -- .*--unpacked \/image$/);
    expect(readText('scripts/image/main.ts')).toContain("unpacked: { type: 'string' }");
  });

  it('starts what the archive of the script starts, as the same user', () => {
    const config = imageConfig(manifest);
    expect(JSON.parse(told('ENTRYPOINT')[0] ?? '')).toEqual(config.Entrypoint);
    expect(JSON.parse(told('CMD')[0] ?? '')).toEqual(config.Cmd);
    expect(told('USER')).toEqual([config.User]);
    expect(told('ENV')).toEqual(config.Env);
    const labels = [...(told('LABEL')[0] ?? '').matchAll(/(\S+?)="(.*?)"/g)];
    expect(Object.fromEntries(labels.map(([, key, value]) => [key, value]))).toEqual(config.Labels);
  });

  it('tells the command with the name that the installation asks for', () => {
    expect(dockerfile).toContain(`-t ${imageName}:${manifest.version} .`);
  });
});
