import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { binDir, home, newCriu, oldCriu } from '../layout.ts';
import { versions } from '../versions.ts';
import { ForeignApt } from './foreign-apt.ts';
import type { Product } from './stamp.ts';

interface CriuBuild {
  name: string;
  suite: string;
  wrapper: string;
  /** Ends with 0 where the build is a good one. */
  proof: readonly string[];
}

/**
 * CRIU beside its own libraries, run by its own loader: Debian 12 has 3.17.1, which cannot dump on
 * a 6.x kernel, and a newer one cannot be installed there without a newer C library.
 */
export const criuProduct = criuOf({
  name: 'criu',
  suite: versions.debianSuite,
  wrapper: path.join(binDir, 'criu'),
  proof: ['check'],
});

/** The one that cannot, for the tests that are to find that out. */
export const oldCriuProduct = criuOf({
  name: 'criu-old',
  suite: versions.oldCriuSuite,
  wrapper: oldCriu,
  proof: ['--version'],
});

/** For the tests with TCP connections. */
export const newCriuProduct = criuOf({
  name: 'criu-new',
  suite: versions.newCriuSuite,
  wrapper: newCriu,
  proof: ['check'],
});

function criuOf({ name, suite, wrapper, proof }: CriuBuild): Product {
  const root = path.join(home, name);
  return {
    name,
    recipe: `criu of Debian ${suite}\n`,
    files: [wrapper, path.join(root, 'usr/sbin/criu')],
    build: async () => {
      const apt = new ForeignApt(path.join(home, `${name}-apt`), suite);
      await apt.prepare();
      rmSync(root, { recursive: true, force: true });
      await apt.unpack('criu', root, { dependencies: true });
      rmSync(apt.dir, { recursive: true, force: true });
      // Debian 12 still has two folders of libraries, and the loader is in the other one.
      const libraries = ['usr/lib', 'lib'].map((lib) => path.join(root, lib, 'x86_64-linux-gnu'));
      const loader = libraries
        .map((dir) => path.join(dir, 'ld-linux-x86-64.so.2'))
        .find((file) => existsSync(file));
      if (loader === undefined) throw new Error(`criu of ${suite} came without its loader`);
      const lines = [
        '#!/bin/sh',
        `exec ${loader} --library-path ${libraries.join(':')} \\`,
        `  ${root}/usr/sbin/criu "$@"`,
      ];
      mkdirSync(path.dirname(wrapper), { recursive: true });
      writeFileSync(wrapper, `${lines.join('\n')}\n`);
      chmodSync(wrapper, 0o755);
      await run(wrapper, [...proof]);
    },
  };
}
