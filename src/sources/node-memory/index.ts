/**
 * sources/node-memory: samples what memory the whole node has left, as the kubelet counts it before
 * it evicts, and while that is low what each watched pod uses. Only while somebody watches. It ranks
 * no pods and knows no rule: amounts and pods are given as data.
 */
export {
  createNodeMemorySource,
  type NodeMemorySource,
  type NodeMemorySourceOptions,
} from './node-memory-source.ts';
export type { NodeMemoryWatch, PodContainer } from './watch.ts';
