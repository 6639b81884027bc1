/**
 * rules/explain: says of every rule and container why it did or did not fire, from the core, its
 * state and a witness of what was seen. Decides nothing and changes nothing.
 */
export {
  type Answer,
  answerText,
  type ContainerExplanation,
  type Explained,
  type ExplainQuery,
  explain,
  type RuleExplanation,
} from './explain.ts';
export { createWitness, type PastDecision, type Witness } from './witness.ts';
