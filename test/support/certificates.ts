import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM texts. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** An authority of a spec's own, and certificates that it signs, by the `openssl` of the system. */
export interface Authority extends AsyncDisposable {
  readonly ca: Buffer;
  /** For a server of these DNS names and IP addresses, or for a client. */
  issue(...names: string[]): Promise<Certificate>;
  /** Writes a PEM text, or anything else, where programs find it; returns the path. */
  file(name: string, text: Buffer): Promise<string>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Its files are in a folder of their own, which goes when it is disposed. */
export async function startAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-tls-'));
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const read = (name: string) => readFile(join(folder, name));
  await openssl('req', '-x509', ...KEY, '-days', '2', '-subj', '/CN=spec', '-keyout', 'ca.key', '-out', 'ca.pem');
  let n = 0;
  return {
    ca: await read('ca.pem'),
    issue: async (...names) => {
      const name = `server${(n += 1)}`;
      await openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      await writeFile(join(folder, `${name}.ext`), `subjectAltName=${names.map(altName).join(',')}\n`);
      const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', `${n}`, '-extfile', `${name}.ext`];
      await openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed);
      return { cert: await read(`${name}.pem`), key: await read(`${name}.key`) };
    },
    file: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function altName(name: string): string {
  return `${isIP(name) ? 'IP' : 'DNS'}:${name}`;
}
