import { readFile } from 'node:fs/promises';
import { messageOf, StillpointError } from '../../base/index.ts';
import {
  isPinned,
  type Peek,
  peekServer,
  type SeenCertificate,
  subjectsOf,
} from '../../kube/index.ts';
import { type Answer, answerOf, defineCheck, failed } from '../check.ts';
import { type Finding, fail, ok, skipped } from '../line.ts';
import type { Outside } from '../outside.ts';
import { expiryFinding, instant } from './certificate.ts';

export interface KubeletCertificateFacts {
  /** Asked through the API server: its certificate is not ours to prove. */
  throughApiServer: boolean;
  address: Answer<string>;
  /** How it is compared: files of the configuration, or our identity's CA. */
  trust: Answer<{ caFrom: string; ca: readonly string[]; serverName: string; pinFile?: string }>;
  peek?: Answer<Peek>;
  /** Undefined when none is configured. */
  pinned?: boolean;
  nowMs: number;
}

/** Whether the certificate of the kubelet is the right one, and if not, which CA was named. */
export const kubeletCertificateCheck = defineCheck(
  'kubelet-certificate',
  askCertificate,
  judgeKubeletCertificate,
);

async function askCertificate(
  outside: Outside,
  signal: AbortSignal,
): Promise<KubeletCertificateFacts> {
  const { config, clock } = outside;
  const throughApiServer = config.kubelet.through === 'api-server';
  const [address, material] = await Promise.all([
    answerOf(outside.kubeletAddress()),
    answerOf(readTrust(outside)),
  ]);
  const facts = { throughApiServer, address, trust: material, nowMs: clock.wallMs() };
  if (throughApiServer || !address.ok || !material.ok) return facts;
  const { pem, pin, serverName } = material.value;
  const trust = { ca: pem, serverName };
  const peek = await answerOf(peekServer(address.value, trust, clock, signal));
  const seen = peek.ok ? peek.value.certificate : undefined;
  const pinned = pin !== undefined && seen ? isPinned(pin, seen.fingerprint256) : undefined;
  return { ...facts, peek, pinned };
}

async function readTrust({ config, identity }: Outside) {
  const { ca: caFile, serverName = config.node, pin: pinFile } = config.kubelet.tls;
  const pin = pinFile === undefined ? undefined : await readPem(pinFile, 'kubelet.tls.pin');
  if (caFile !== undefined) {
    const pem = await readPem(caFile, 'kubelet.tls.ca');
    return { caFrom: caFile, ca: subjectsOf(pem), pem, serverName, pinFile, pin };
  }
  const { tls } = await (await identity()).credentials();
  const ca = subjectsOf(tls.ca ?? '');
  return { caFrom: 'the CA of the cluster', ca, pem: tls.ca, serverName, pinFile, pin };
}

async function readPem(path: string, key: string): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch (cause) {
    const message = `${key}: ${path} cannot be read: ${messageOf(cause)}`;
    throw new StillpointError({ code: 'bad-config', message, cause });
  }
  throw new StillpointError({
    code: 'bad-config',
    message: `${key}: ${path} holds no PEM certificate`,
    hint: 'Name a file with a certificate in PEM form.',
  });
}

export function judgeKubeletCertificate(facts: KubeletCertificateFacts): Finding[] {
  const { throughApiServer, address, trust, peek } = facts;
  if (throughApiServer) {
    const what = 'the kubelet is asked through the API server, which proves it';
    return [skipped('through-api-server', what)];
  }
  if (!trust.ok) return [failed(trust.error)];
  if (!address.ok) return [skipped('address-unknown', address.error.message)];
  if (!peek?.ok) return [skipped('unreachable', peek?.error.message ?? 'not looked at')];
  const { certificate, distrust } = peek.value;
  if (!certificate) return [skipped('no-tls', `${address.value} speaks no TLS`)];
  const expiry = expiryFinding('the kubelet', certificate, facts.nowMs);
  if (facts.pinned === true) {
    // A pinned certificate is accepted whatever its dates are; that it is soon replaced is news.
    return [ok(`is the pinned one, valid until ${instant(certificate.validToMs)}`)];
  }
  if (expiry) return [expiry];
  if (distrust === undefined) {
    const until = instant(certificate.validToMs);
    return [ok(`proved by ${trust.value.caFrom}, valid until ${until}`)];
  }
  return [judgeDistrust(distrust, certificate, trust.value)];
}

function judgeDistrust(
  distrust: string,
  certificate: SeenCertificate,
  trust: { caFrom: string; ca: readonly string[]; serverName: string; pinFile?: string },
): Finding {
  const { issuer, names } = certificate;
  const { caFrom, ca, serverName, pinFile } = trust;
  if (distrust === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const what = `it is for ${names.join(', ')}, not for ${serverName}`;
    const next = `Set kubelet.tls.serverName to one of its names.`;
    return fail('wrong-name', what, next);
  }
  const proved = ca.length === 0 ? caFrom : `${caFrom} (${ca.join('; ')})`;
  const what = `issued by ${issuer}, which is not proved by ${proved}: ${distrust}`;
  if (pinFile !== undefined) {
    const next = `Put the kubelet's present certificate (its pki/kubelet.crt) into ${pinFile}.`;
    return fail('wrong-pin', `${what}; and it is not the one in ${pinFile}`, next);
  }
  const next =
    'Name its CA in kubelet.tls.ca, or pin the certificate itself (pki/kubelet.crt below the ' +
    "kubelet's root) in kubelet.tls.pin.";
  return fail('wrong-ca', what, next);
}
