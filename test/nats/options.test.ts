import { describe, expect, it } from '@jest/globals';
import { createRandom, messageOf, silentLogger, systemClock } from '../../src/base/index.ts';
import { connectNats, type NatsOptions } from '../../src/nats/index.ts';

const faults: [string, Partial<NatsOptions>, RegExp][] = [
  ['no server', { servers: [] }, /servers is empty/],
  ['a foreign scheme', { servers: ['http://nats:4222'] }, /scheme http.*nats:\/\/ and tls:\/\//],
  ['a port out of range', { servers: ['nats:70000'] }, /"nats:70000" is no address/],
  ['two ways to authenticate', { credsFile: 'a', tokenFile: 'b' }, /credsFile and tokenFile/],
  ['a certificate without its key', { tls: { certFile: 'a' } }, /certFile and tls.keyFile belong/],
];

describe('NATS options', () => {
  it.each(faults)('refuses %s', (_what, options, message) => {
    expect(() => connectNats({ ...base, ...options })).toThrow(message);
  });

  it('refuses a password in the address and does not repeat it', () => {
    let message = '';
    try {
      connectNats({ ...base, servers: ['nats://agent:hunter2@nats:4222'] });
    } catch (error) {
      message = messageOf(error);
    }
    expect(message).toMatch(/credentials inside the address/);
    expect(message).not.toContain('hunter2');
  });

  it('names all mistakes at once', () => {
    const options = { ...base, servers: ['http://a', 'b:0'], credsFile: 'a', nkeyFile: 'b' };
    expect(() => connectNats(options)).toThrow(
      /servers\[0\].*servers\[1\].*credsFile and nkeyFile/,
    );
  });
});

const base: NatsOptions = {
  servers: ['127.0.0.1:4222'],
  name: 'test',
  clock: systemClock,
  random: createRandom(1),
  log: silentLogger,
};
