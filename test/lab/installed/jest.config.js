/** The tests with Stillpoint installed in a full lab of two nodes ("npm run test:installed"). */
import lab from '../../../jest.lab.config.js';

export default {
  ...lab,
  rootDir: '../../..',
  roots: ['<rootDir>/test/lab/installed'],
  testMatch: ['**/test/lab/installed/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
