import { startEtcd, type EtcdServer } from 'rookery/testing';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeBlocks, readPage, section } from '../../docs/markdown.js';
import { SERVICE } from './service.js';

const run = promisify(execFile);
const PAGE = 'docs/reference/registries.md';

/** The users of the page, as options of `etcd()`. */
export const USERS = {
  instance: { username: 'users', password: 'secret-of-users' },
  client: { username: 'shop', password: 'secret-of-shop' },
} as const;

/** An etcd that knows the users and roles of the page, for the service of the fleet. */
export interface GuardedEtcd extends AsyncDisposable {
  readonly host: string;
  /** As root. */
  etcdctl: EtcdServer['etcdctl'];
  /** How many calls of these kinds etcd has answered so far: `Authenticate`, `Txn`, `LeaseGrant`, … */
  answered(...methods: readonly string[]): Promise<number>;
}

/** @param args of etcd */
export async function startGuarded(...args: readonly string[]): Promise<GuardedEtcd> {
  const etcd = await startEtcd({ args });
  await run('sh', ['-ec', commands()], {
    env: { PATH: process.env['PATH'], ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: `http://${etcd.host}` },
  });
  return {
    host: etcd.host,
    etcdctl: (...rest) => etcd.etcdctl('--user', 'root:secret-of-root', ...rest),
    answered: async (...methods) => {
      const metrics = await (await fetch(`http://${etcd.host}/metrics`)).text();
      const counts = metrics.matchAll(
        new RegExp(`^grpc_server_handled_total{.*grpc_method="(?:${methods.join('|')})".*} (\\d+)$`, 'gm'),
      );
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    [Symbol.asyncDispose]: () => etcd.stop(),
  };
}

/** The page's own lines, for our service. */
function commands(): string {
  const [block] = codeBlocks({ path: PAGE, text: section(readPage(PAGE), 'Users and roles') }).filter(
    ({ info }) => info === 'sh',
  );
  if (!block) throw new Error(`${PAGE} shows no commands`);
  return block.code.replaceAll('user-server', SERVICE);
}

/** Where etcd finds a pair of keys for its tokens, as its argument `--auth-token` has it. */
export async function jwt(): Promise<{ readonly option: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-jwt-'));
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const [pub, priv] = [join(folder, 'jwt.pub'), join(folder, 'jwt.key')];
  await Promise.all([writeFile(pub, publicKey), writeFile(priv, privateKey)]);
  return {
    option: `jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=10m`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
