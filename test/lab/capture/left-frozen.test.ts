import { leftFrozenSuite } from './left-frozen-suite.ts';

leftFrozenSuite(64);
