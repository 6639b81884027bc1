import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { step } from '../base/progress.ts';
import { stampsDir } from '../layout.ts';

export interface Product {
  name: string;
  /** Everything the result depends on; when this text changes, the product is built again. */
  recipe: string;
  /** The files it makes. One that is missing means: build again. */
  files: readonly string[];
  build: () => Promise<void>;
}

/** Builds the product unless its stamp says that exactly this recipe is already there. */
export async function ensureBuilt(product: Product): Promise<'cached' | 'built'> {
  if (isBuilt(product)) return 'cached';
  const stampFile = path.join(stampsDir, product.name);
  // The old stamp goes first: a build that dies half way must not look finished.
  rmSync(stampFile, { force: true });
  await step(`building ${product.name}`, product.build);
  const absent = product.files.filter((file) => !existsSync(file));
  if (absent.length > 0) {
    throw new Error(`the build of ${product.name} ended well but left no ${absent.join(', ')}`);
  }
  mkdirSync(stampsDir, { recursive: true });
  writeFileSync(stampFile, product.recipe);
  return 'built';
}

export function isBuilt(product: Product): boolean {
  const stampFile = path.join(stampsDir, product.name);
  return (
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === product.recipe &&
    product.files.every((file) => existsSync(file))
  );
}
