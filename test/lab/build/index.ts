/**
 * Builds every program and image of the lab into its home, each once per version. It only ever
 * writes below the lab's home and installs Debian packages; it never starts anything.
 */
import { say } from '../base/progress.ts';
import { criuProduct, newCriuProduct, oldCriuProduct } from './criu.ts';
import { goToolProducts } from './go-tools.ts';
import { imagesProduct } from './images.ts';
import { kubernetesProduct } from './kubernetes.ts';
import { ensurePackages } from './packages.ts';
import { checkMachine } from './requirements.ts';
import { ensureBuilt, isBuilt, type Product } from './stamp.ts';

export { imageFiles, pauseImage, workImage } from './images.ts';

const packages = [
  'busybox-static',
  'ca-certificates',
  'containernetworking-plugins',
  'curl',
  'gcc',
  'iproute2',
  'iptables',
  'libc6-dev',
  'libseccomp-dev',
  'openssl',
  'pkg-config',
  'util-linux',
];

// The cheap ones first: what is wrong with a machine shows in seconds, not after the big build.
const products: readonly Product[] = [
  imagesProduct,
  criuProduct,
  oldCriuProduct,
  newCriuProduct,
  ...goToolProducts,
  kubernetesProduct,
];

export async function buildLab(): Promise<void> {
  if (products.every(isBuilt)) return;
  await checkMachine();
  await ensurePackages(packages);
  for (const product of products) await ensureBuilt(product);
  say('everything is built');
}

/** The names of what is missing or of another version; empty when the lab can be started. */
export function missingProducts(): string[] {
  return products.filter((product) => !isBuilt(product)).map((product) => product.name);
}
