/**
 * store: opens and migrates the state database and gives typed access to it. It knows the tables,
 * not what they mean: each owner (dispatch, archive, sources/schedule, agent) has its own queries.
 * Locks files with the same means.
 */
export { type FileLock, type TakeFileLock, takeFileLock } from './file-lock.ts';
export { readSetting, writeSetting } from './settings.ts';
export { openStore, type Row, type Store } from './store.ts';
