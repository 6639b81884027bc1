import { type Mistake, mistakeAt, type YamlDocument } from '../../base/index.ts';
import type { GivenRule } from '../schema/index.ts';

/** Keys of a capture that are right each, but of which one denies the other. */
export function checkCapture(document: YamlDocument, { spec }: GivenRule): Mistake[] {
  const { via, sequence, consistency } = spec.capture;
  const path = ['spec', 'capture'];
  const mistakes: Mistake[] = [];
  if (sequence === 'calm' && consistency === 'frozen') {
    const message =
      'cannot be had with sequence: calm, in which nobody but CRIU freezes; frozen needs race';
    mistakes.push(mistakeAt(document, [...path, 'consistency'], { message }));
  }
  if (via !== 'cri' && via !== 'kubelet') return mistakes;
  const message = `has no effect with via: ${via}; only containerd's own checkpoint knows it`;
  const idle = onlyContainerd(spec.capture);
  return [...mistakes, ...idle.map((key) => mistakeAt(document, [...path, key], { message }))];
}

/** The keys that ask for something that the other backends do not have. */
function onlyContainerd(capture: GivenRule['spec']['capture']): string[] {
  const asked = {
    sequence: capture.sequence !== 'auto',
    consistency: capture.consistency !== 'auto',
    options: Object.values(capture.options).includes(true),
    images: capture.images !== 'disk',
  };
  return Object.entries(asked)
    .filter(([, isAsked]) => isAsked)
    .map(([key]) => key);
}
