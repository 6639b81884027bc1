import { X509Certificate } from 'node:crypto';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createAuthority } from '../../src/sim/pki/index.ts';

describe('a certificate of the sim', () => {
  const authority = createAuthority('test-ca');
  const serving = authority.issueServing('node-1', ['127.0.0.1', 'node-1']);
  const leaf = new X509Certificate(serving.certPem);
  const root = new X509Certificate(authority.certPem);

  it('is signed by its authority, and the authority by itself', () => {
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect([leaf.ca, root.ca]).toEqual([false, true]);
  });

  it('holds for its names and for no other', () => {
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkHost('node-1')).toBe('node-1');
    expect(leaf.checkHost('node-2')).toBeUndefined();
  });

  describe('in a TLS handshake', () => {
    const opened: { close: () => void }[] = [];
    afterEach(() => {
      for (const server of opened.splice(0)) server.close();
    });

    async function handshake(ca: string): Promise<string> {
      const server = createServer({ cert: serving.certPem, key: serving.keyPem }, (_, response) => {
        response.end('hello');
      });
      opened.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      return new Promise((resolve) => {
        get({ host: '127.0.0.1', port, ca, agent: false }, (response) => {
          response.resume();
          resolve('verified');
        }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      });
    }

    it('verifies with the CA', async () => {
      expect(await handshake(authority.certPem)).toBe('verified');
    });

    it('is refused with another CA of the same name', async () => {
      const other = createAuthority('test-ca');
      expect(await handshake(other.certPem)).not.toBe('verified');
    });
  });
});
