import { jest } from '@jest/globals';

/*
 * A kubelet that has just been killed, a dump that somebody else's process delays: a real node is
 * not always ready when a test is. A test may fail once, and its first failure is printed.
 */
jest.retryTimes(1, { logErrorsBeforeRetry: true });
