import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { systemClock } from '../../base/index.ts';
import * as der from './der.ts';

/** A certificate with its key, as PEM texts. */
export interface Certificate {
  certPem: string;
  keyPem: string;
}

/** What signs certificates: its own certificate is a CA. */
export interface Authority extends Certificate {
  /** A serving certificate for these DNS names and IPv4 addresses. */
  issueServing(commonName: string, names: readonly string[]): Certificate;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = der.sequence(der.objectId('1.2.840.10045.4.3.2'));

const EXTENSION = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
};

/** A new self-signed authority (ECDSA P-256, SHA-256), valid for 30 days. */
export function createAuthority(commonName: string): Authority {
  const { publicKey, privateKey } = newKey();
  const keyId = keyIdOf(publicKey);
  const extensions = [
    extension(EXTENSION.basicConstraints, der.sequence(der.boolean(true)), true),
    // keyCertSign and cRLSign: bits 5 and 6.
    extension(EXTENSION.keyUsage, der.bitString(Buffer.from([0b0000_0110]), 1), true),
    extension(EXTENSION.subjectKeyId, der.octetString(keyId)),
  ];
  const self = { commonName, publicKey, issuer: commonName, issuerKey: privateKey, extensions };
  return {
    certPem: certificatePem(self),
    keyPem: keyPem(privateKey),
    issueServing(subject, names) {
      const key = newKey();
      const leaf = {
        commonName: subject,
        publicKey: key.publicKey,
        issuer: commonName,
        issuerKey: privateKey,
        extensions: servingExtensions(key.publicKey, keyId, names),
      };
      return { certPem: certificatePem(leaf), keyPem: keyPem(key.privateKey) };
    },
  };
}

function servingExtensions(key: KeyObject, issuerKeyId: Buffer, names: readonly string[]) {
  return [
    extension(EXTENSION.basicConstraints, der.sequence(), true),
    // digitalSignature: bit 0.
    extension(EXTENSION.keyUsage, der.bitString(Buffer.from([0b1000_0000]), 7), true),
    // serverAuth
    extension(EXTENSION.extendedKeyUsage, der.sequence(der.objectId('1.3.6.1.5.5.7.3.1'))),
    extension(EXTENSION.subjectAltName, der.sequence(...names.map(alternativeName))),
    extension(EXTENSION.subjectKeyId, der.octetString(keyIdOf(key))),
    extension(EXTENSION.authorityKeyId, der.sequence(der.implicit(0, issuerKeyId))),
  ];
}

function alternativeName(name: string): Buffer {
  if (isIPv4(name)) return der.implicit(7, Buffer.from(name.split('.').map(Number)));
  return der.implicit(2, Buffer.from(name, 'ascii'));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [der.boolean(true)] : [];
  return der.sequence(der.objectId(id), ...flag, der.octetString(value));
}

interface ToSign {
  commonName: string;
  publicKey: KeyObject;
  issuer: string;
  issuerKey: KeyObject;
  extensions: readonly Buffer[];
}

function certificatePem(fields: ToSign): string {
  // TLS stacks check validity by the machine's clock, whatever clock the sim runs on.
  const nowMs = systemClock.wallMs();
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    distinguishedName(fields.issuer),
    der.sequence(der.generalizedTime(nowMs - DAY_MS), der.generalizedTime(nowMs + 30 * DAY_MS)),
    distinguishedName(fields.commonName),
    fields.publicKey.export({ type: 'spki', format: 'der' }),
    der.explicit(3, der.sequence(...fields.extensions)),
  );
  const signature = sign('sha256', body, fields.issuerKey);
  const whole = der.sequence(body, ECDSA_WITH_SHA256, der.bitString(signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function distinguishedName(commonName: string): Buffer {
  const attribute = der.sequence(der.objectId('2.5.4.3'), der.utf8String(commonName));
  return der.sequence(der.set(attribute));
}

function newKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function keyIdOf(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
