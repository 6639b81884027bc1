/** The tests that need cgroup v2: they run inside the virtual machine ("npm run test:v2"). */
import lab from '../../../jest.lab.config.js';

export default {
  ...lab,
  rootDir: '../../..',
  roots: ['<rootDir>/test/lab/v2'],
  testMatch: ['**/test/lab/v2/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // Everything takes 5 to 20 times as long there.
  testTimeout: 600_000,
};
