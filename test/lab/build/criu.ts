import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../base/run.ts';
import { binDir, home } from '../layout.ts';
import { versions } from '../versions.ts';
import { ForeignApt } from './foreign-apt.ts';
import type { Product } from './stamp.ts';

const criuRoot = path.join(home, 'criu');
const wrapper = path.join(binDir, 'criu');

/**
 * CRIU beside its own libraries, run by its own loader: Debian 12 has 3.17.1, which cannot dump on
 * a 6.x kernel, and a newer one cannot be installed there without a newer C library.
 */
export const criuProduct: Product = {
  name: 'criu',
  recipe: `criu of Debian ${versions.debianSuite}\n`,
  files: [wrapper, path.join(criuRoot, 'usr/sbin/criu')],
  build: async () => {
    const apt = new ForeignApt(path.join(home, 'criu-apt'), versions.debianSuite);
    await apt.prepare();
    rmSync(criuRoot, { recursive: true, force: true });
    await apt.unpack('criu', criuRoot, { dependencies: true });
    rmSync(apt.dir, { recursive: true, force: true });
    const libraries = path.join(criuRoot, 'usr/lib/x86_64-linux-gnu');
    const lines = [
      '#!/bin/sh',
      `exec ${libraries}/ld-linux-x86-64.so.2 --library-path ${libraries} \\`,
      `  ${criuRoot}/usr/sbin/criu "$@"`,
    ];
    mkdirSync(binDir, { recursive: true });
    writeFileSync(wrapper, `${lines.join('\n')}\n`);
    chmodSync(wrapper, 0o755);
    await run(wrapper, ['check']);
  },
};
