import { type Clock, type Logger, type Random, StillpointError } from '../base/index.ts';

/** How the NATS servers are reached. Secrets come from files only and are read at each attempt. */
export interface NatsOptions {
  /** `nats://host:4222`, `tls://host:4222` or `host:4222`; at least one; no credentials inside. */
  servers: readonly string[];
  /** A `.creds` file: user JWT and nkey seed. */
  credsFile?: string;
  /** A file with the seed of an nkey (`SU…`). */
  nkeyFile?: string;
  /** A file with a token. */
  tokenFile?: string;
  /** A user whose password is in a file. */
  user?: { name: string; passwordFile: string };
  /** Present (also as `{}`), or any server given as `tls://`: TLS or no connection. */
  tls?: NatsTls;
  /** Shown in the server's connection list: `stillpoint-agent/<node>`. */
  name: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** PEM files, read at each attempt. */
export interface NatsTls {
  /** Trusted beside nothing else; left out: the CAs that Node ships. */
  caFile?: string;
  certFile?: string;
  keyFile?: string;
}

/** NatsOptions after checking. */
export interface CheckedOptions extends NatsOptions {
  /** `host:port` without scheme, as the package takes it. */
  addresses: readonly string[];
  tlsRequired: boolean;
}

/** Throws `bad-config` that lists every mistake. */
export function checkNatsOptions(options: NatsOptions): CheckedOptions {
  const faults: string[] = [];
  const addresses: string[] = [];
  let tlsRequired = options.tls !== undefined;
  if (options.servers.length === 0) faults.push('servers is empty; at least one is needed');
  for (const [index, server] of options.servers.entries()) {
    const checked = checkServer(server);
    if ('fault' in checked) {
      faults.push(`servers[${index}]: ${checked.fault}`);
      continue;
    }
    addresses.push(checked.address);
    tlsRequired ||= checked.tls;
  }
  const ways = waysToAuthenticate(options);
  if (ways.length > 1) faults.push(`${ways.join(' and ')} are given; only one is allowed`);
  if ((options.tls?.certFile === undefined) !== (options.tls?.keyFile === undefined)) {
    faults.push('tls.certFile and tls.keyFile belong together; only one is given');
  }
  if (faults.length > 0) {
    throw new StillpointError({ code: 'bad-config', message: `nats: ${faults.join('; ')}` });
  }
  return { ...options, addresses, tlsRequired };
}

function waysToAuthenticate(options: NatsOptions): string[] {
  return (['credsFile', 'nkeyFile', 'tokenFile', 'user'] as const).filter(
    (key) => options[key] !== undefined,
  );
}

/** The text is not echoed when it may hold a password. */
function checkServer(server: string): { address: string; tls: boolean } | { fault: string } {
  const match = /^(?:([a-z]+):\/\/)?(.+?)\/?$/.exec(server.trim());
  const scheme = match?.[1] ?? 'nats';
  const rest = match?.[2] ?? '';
  if (rest.includes('@')) {
    return { fault: 'credentials inside the address; name a file (credsFile, tokenFile, user)' };
  }
  if (scheme !== 'nats' && scheme !== 'tls') {
    return { fault: `"${server}": scheme ${scheme}; allowed are nats:// and tls://` };
  }
  const host = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(rest);
  const port = Number(host?.[2] ?? 4222);
  if (!host || port < 1 || port > 65_535) {
    return { fault: `"${server}" is no address; allowed is nats://host:port` };
  }
  return { address: `${host[1]}:${port}`, tls: scheme === 'tls' };
}
