/** The suites that need no root. The real-node tests have jest.lab.config.js. */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/lab/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }],
  },
  testEnvironment: 'node',
  // Generous: a first test also compiles, and a busy machine is slow. No test waits for it.
  testTimeout: 60_000,
  // A test that fails may leave servers running; the gate must end all the same.
  forceExit: true,
};
