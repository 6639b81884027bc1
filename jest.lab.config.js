/** The real-node suites: one after another, inside the lab's network namespace. */
import unit from './jest.config.js';

export default {
  ...unit,
  roots: ['<rootDir>/test/lab'],
  testMatch: ['**/test/lab/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/lab/(v2|installed)/'],
  setupFilesAfterEnv: ['<rootDir>/test/lab/base/second-try.ts'],
  maxWorkers: 1,
  testTimeout: 180_000,
};
