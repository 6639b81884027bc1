/**
 * sim/pki: makes the certificates of a simulated node: a CA and what it signs, in memory. It
 * verifies nothing and is for simulated servers only.
 */
export { type Authority, type Certificate, createAuthority } from './certificates.ts';
