import { guardSuite } from './guard-suite.ts';

guardSuite(256, 'task');
