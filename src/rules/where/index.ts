/**
 * rules/where: the CEL expressions of `where`, behind one door: loading the library only where a
 * rule needs it, type-checking at load, bounds, and evaluation. Knows nothing of decisions.
 */
export { whereFunctions } from './audit.ts';
export {
  type CompiledWhere,
  compileWhere,
  type Where,
  type WhereMistake,
  type WhereResult,
} from './compile-where.ts';
export { prepareWhere } from './library.ts';
export type { AnyTold, Told } from './told.ts';
export type { WhereContext } from './values.ts';
export { signalType, whereKinds, whereTypes, whereVariables } from './variables.ts';
