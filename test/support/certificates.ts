import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface KeyPair {
  key: string;
  cert: string;
  certPath: string;
}

/** Certificates for one test file, made with openssl; removed by `remove`. */
export interface Certificates {
  directory: string;
  /** A certificate authority. */
  authority(name: string): Promise<KeyPair>;
  /** A certificate for these names, `DNS:node-1,IP:127.0.0.1`, signed by `by`, else by itself. */
  certificate(name: string, names: string, by?: KeyPair): Promise<KeyPair>;
  remove(): Promise<void>;
}

export async function createCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'stillpoint-certificates-'));
  const at = (file: string) => join(directory, file);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  const makeKey = async (name: string) => {
    await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  };
  const pair = async (name: string): Promise<KeyPair> => ({
    key: await readFile(at(`${name}.key`), 'utf8'),
    cert: await readFile(at(`${name}.crt`), 'utf8'),
    certPath: at(`${name}.crt`),
  });
  return {
    directory,
    async authority(name) {
      await makeKey(name);
      const subject = ['-subj', `/CN=${name}`, '-days', '2'];
      await openssl('req', '-x509', '-key', `${name}.key`, ...subject, '-out', `${name}.crt`);
      return pair(name);
    },
    async certificate(name, names, by) {
      await makeKey(name);
      await writeFile(at(`${name}.ext`), `subjectAltName=${names}\n`);
      const request = ['req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`];
      await openssl(...request, '-out', `${name}.csr`);
      const sign = ['x509', '-req', '-in', `${name}.csr`, '-days', '2', '-extfile', `${name}.ext`];
      if (by) {
        await writeFile(at(`${name}.ca.key`), by.key);
        const signer = ['-CA', by.certPath, '-CAkey', `${name}.ca.key`, '-set_serial', '2'];
        await openssl(...sign, ...signer, '-out', `${name}.crt`);
      } else await openssl(...sign, '-signkey', `${name}.key`, '-out', `${name}.crt`);
      return pair(name);
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
