import { buildImage } from '../../../scripts/image/index.ts';
import { step } from '../base/progress.ts';
import { ctr, labInfo } from '../lib/index.ts';

/** Builds Stillpoint's image, if it is not there yet, and puts it on every node of the lab. */
export async function installImage(): Promise<void> {
  const image = await buildImage();
  await step(`putting ${image.reference} on each node`, () =>
    Promise.all(labInfo().nodes.map((node) => ctr(node, ['images', 'import', image.archive]))),
  );
}
