import { formatAddress, parseAddress } from '../../core/address.js';
import { RookeryError, show } from '../../core/errors.js';
import { checkKeys, type KeysOf } from '../../core/keys.js';
import type { Random, Time } from '../../core/time.js';
import { checkCertificates, type Certificates } from '../certificates.js';
import type { Address } from './wire.js';

export interface ZooKeeperTls {
  /** Certificates that the servers' are signed by, PEM; default those that Node trusts. */
  readonly ca?: Buffer | string;
  /** Our own certificate, PEM, for a ZooKeeper that asks for it (`ssl.clientAuth`); needs `key`. */
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

export interface ZooKeeperOptions {
  /** `h`, `h:2181` or `[v6]:2181`; several in a list, or with commas between them. */
  readonly hosts: string | readonly string[];
  /** What every path starts with, without slashes at its ends; default `rookery`. */
  readonly prefix?: string;
  /**
   * The timeout of the session: how long ZooKeeper keeps the entries of a server that it does not hear from, ms; default
   * 20 000, at least 2000. ZooKeeper has the last word (minSessionTimeout, maxSessionTimeout).
   */
  readonly ttlMs?: number;
  /** Of the scheme `digest`: only who has it may change what is created with it, everybody may read. */
  readonly username?: string;
  readonly password?: string;
  /** TLS with these certificates, on the secureClientPort; `{}` is TLS with what Node trusts. */
  readonly tls?: ZooKeeperTls;
  /** For specs; default the clock of this process. */
  readonly time?: Time;
  /** For specs; default Math.random. */
  readonly random?: Random;
}

/** The options, checked. */
export interface ZooKeeperSettings {
  /** `host:port`. */
  readonly hosts: readonly string[];
  readonly addresses: readonly Address[];
  readonly prefix: string;
  readonly ttlMs: number;
  /** `user:password`. */
  readonly auth?: string;
  /** Absent = plain text. */
  readonly tls?: Certificates;
}

const KEYS: KeysOf<ZooKeeperOptions> = {
  hosts: true,
  prefix: true,
  ttlMs: true,
  username: true,
  password: true,
  tls: true,
  time: true,
  random: true,
};

const DEFAULT_PORT = 2181;
const MIN_TTL_MS = 2000;
/** A day: a longer one would be a mistake of the unit. */
const MAX_TTL_MS = 86_400_000;

/** @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_ADDRESS_INVALID */
export function checkZooKeeperOptions(options: ZooKeeperOptions): ZooKeeperSettings {
  if (typeof options !== 'object' || options === null)
    throw invalid('', `found ${show(options)}`, "Pass options: zookeeper({ hosts: '127.0.0.1:2181' }).");
  checkKeys(options, KEYS, 'registry');
  const parsed = checkHosts(options.hosts);
  const auth = checkAuth(options);
  const tls = checkTls(options.tls);
  return {
    hosts: parsed.map(({ host, port }) => formatAddress(host, port)),
    addresses: parsed,
    prefix: checkPrefix(options.prefix ?? 'rookery'),
    ttlMs: checkTtl(options.ttlMs ?? 20_000),
    ...(auth !== undefined && { auth }),
    ...(tls && { tls }),
  };
}

function checkHosts(option: unknown): Address[] {
  const list: readonly unknown[] = typeof option === 'string' ? option.split(',') : Array.isArray(option) ? option : [];
  if (list.length === 0)
    throw invalid('hosts', `found ${show(option)}`, 'Name at least one, such as "127.0.0.1:2181".');
  return list.map((host, i) => parseHost(host, typeof option === 'string' ? 'hosts' : `hosts[${i}]`));
}

function parseHost(host: unknown, path: string): Address {
  const match = typeof host === 'string' ? /^[^/@]+$/.exec(host.trim()) : null;
  // What stands before an @ may be a password.
  const found = typeof host === 'string' && host.includes('@') ? 'found a user in a host' : `found ${show(host)}`;
  if (!match) throw invalid(path, found, 'Use host:port; a path belongs into `prefix`.');
  const address = /^(\[.*\]|[^:]*):\d+$/.test(match[0]) ? match[0] : `${match[0]}:${DEFAULT_PORT}`;
  const parsed = parseAddress(address, `registry.${path}`);
  if (!('host' in parsed)) throw invalid(path, found, 'Use host:port.');
  return parsed;
}

function checkPrefix(prefix: unknown): string {
  const valid =
    typeof prefix === 'string' &&
    prefix.length <= 255 &&
    !/[\s\p{Cc}]/u.test(prefix) &&
    !prefix.split('/').some((part) => ['', '.', '..'].includes(part));
  if (valid) return prefix;
  throw invalid(
    'prefix',
    `found ${show(prefix)}`,
    'Use parts with a slash between them, none at the ends, no spaces, and neither . nor ..',
  );
}

function checkTtl(ttlMs: unknown): number {
  if (typeof ttlMs === 'number' && ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS) return ttlMs;
  throw invalid('ttlMs', `found ${show(ttlMs)}`, `Use ${MIN_TTL_MS} to ${MAX_TTL_MS} milliseconds.`);
}

function checkAuth({ username, password }: ZooKeeperOptions): string | undefined {
  if (username === undefined && password === undefined) return undefined;
  if (typeof username === 'string' && username.includes(':'))
    throw invalid('username', 'found a colon', 'ZooKeeper takes what stands before it for the user.');
  if (typeof username === 'string' && username !== '' && typeof password === 'string') return `${username}:${password}`;
  const missing = typeof password === 'string' ? 'username' : 'password';
  throw invalid(missing, 'found only one of username and password', 'Set both, or neither.');
}

function checkTls(tls: ZooKeeperTls | undefined): Certificates | undefined {
  if (tls === undefined) return undefined;
  if (typeof tls !== 'object' || tls === null)
    throw invalid('tls', `found ${show(tls)}`, 'Use { ca, cert, key }, or {}.');
  return checkCertificates(tls, 'registry.tls');
}

function invalid(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path: path ? `registry.${path}` : 'registry',
    found: `${found}.`,
    remedy,
  });
}
