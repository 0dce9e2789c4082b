import { formatAddress, parseAddress } from '../../core/address.js';
import { RookeryError, show } from '../../core/errors.js';
import { checkKeys, type KeysOf } from '../../core/keys.js';
import type { Random, Time } from '../../core/time.js';
import { chooseDialects, type DialectChoice } from './dialects/choose.js';
import { Layout } from './layout.js';
import { checkCertificates, type Certificates } from '../certificates.js';

export interface EtcdTls {
  /** Certificates that the servers' are signed by, PEM; default those that Node trusts. */
  readonly ca?: Buffer | string;
  /** Our own certificate, PEM, for etcd with client certificates; needs `key`. */
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

export interface EtcdOptions {
  /** `h`, `h:2379`, `[v6]:2379`, `http://…` or `https://…` (TLS); several in a list, or with commas between them. */
  readonly hosts: string | readonly string[];
  /** What every key starts with, without slashes at its ends; default `rookery`. */
  readonly prefix?: string;
  /**
   * Which dialects are read, one or more: of entries that name one instance, by id or address, that of the first one
   * counts. Default `['rookery']`.
   */
  readonly read?: readonly DialectChoice[];
  /**
   * Which dialects are written, each with an entry of its own under one lease: operators change that of the first one,
   * the others follow it. Default `['rookery']`; `[]` takes no registrations.
   */
  readonly write?: readonly DialectChoice[];
  /** How long etcd keeps the entries of a server that it does not hear from, ms; default 20 000, at least 2000. */
  readonly ttlMs?: number;
  readonly username?: string;
  readonly password?: string;
  /** TLS with these certificates; `{}` is TLS with what Node trusts. */
  readonly tls?: EtcdTls;
  /** For specs; default the clock of this process. */
  readonly time?: Time;
  /** For specs; default Math.random. */
  readonly random?: Random;
}

/** The options, checked. */
export interface EtcdSettings {
  /** `host:port`. */
  readonly hosts: readonly string[];
  readonly prefix: string;
  readonly layout: Layout;
  readonly ttlMs: number;
  readonly auth?: { readonly username: string; readonly password: string };
  /** Absent = plain text. */
  readonly tls?: Certificates;
}

const KEYS: KeysOf<EtcdOptions> = {
  hosts: true,
  prefix: true,
  read: true,
  write: true,
  ttlMs: true,
  username: true,
  password: true,
  tls: true,
  time: true,
  random: true,
};

const MIN_TTL_MS = 2000;
/** A day: a longer one would be a mistake of the unit. */
const MAX_TTL_MS = 86_400_000;

/** @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_ADDRESS_INVALID */
export function checkEtcdOptions(options: EtcdOptions): EtcdSettings {
  if (typeof options !== 'object' || options === null)
    throw invalid('', `found ${show(options)}`, "Pass options: etcd({ hosts: '127.0.0.1:2379' }).");
  checkKeys(options, KEYS, 'registry');
  const { hosts, secure } = checkHosts(options.hosts);
  const auth = checkAuth(options);
  const tls = checkTls(options.tls, secure);
  const prefix = checkPrefix(options.prefix ?? 'rookery');
  return {
    hosts,
    prefix,
    layout: checkDialects(options, prefix),
    ttlMs: checkTtl(options.ttlMs ?? 20_000),
    ...(auth && { auth }),
    ...(tls && { tls }),
  };
}

function checkHosts(option: unknown): { hosts: string[]; secure: boolean | undefined } {
  const list: readonly unknown[] = typeof option === 'string' ? option.split(',') : Array.isArray(option) ? option : [];
  if (list.length === 0)
    throw invalid('hosts', `found ${show(option)}`, 'Name at least one, such as "127.0.0.1:2379".');
  const parsed = list.map((host, i) => parseHost(host, typeof option === 'string' ? 'hosts' : `hosts[${i}]`));
  const schemes = new Set(parsed.map(({ scheme }) => scheme === 'https'));
  if (schemes.size > 1) throw invalid('hosts', 'found https beside plain hosts', 'Use one scheme for all of them.');
  const named = parsed.some(({ scheme }) => scheme === 'http') ? false : undefined;
  return { hosts: parsed.map(({ address }) => address), secure: schemes.has(true) || named };
}

function parseHost(host: unknown, path: string): { scheme: string | undefined; address: string } {
  const match = typeof host === 'string' ? /^(?:(https?):\/\/)?([^/@]+?)\/?$/.exec(host.trim()) : null;
  // What stands before an @ may be a password.
  const found = typeof host === 'string' && host.includes('@') ? 'found a user in a host' : `found ${show(host)}`;
  if (!match?.[2]) throw invalid(path, found, 'Use host:port, http://host:port or https://host:port.');
  const address = /^(\[.*\]|[^:]*):\d+$/.test(match[2]) ? match[2] : `${match[2]}:2379`;
  const parsed = parseAddress(address, `registry.${path}`);
  if (!('host' in parsed)) throw invalid(path, found, 'Use host:port.');
  return { scheme: match[1], address: formatAddress(parsed.host, parsed.port) };
}

function checkPrefix(prefix: unknown): string {
  const valid =
    typeof prefix === 'string' &&
    prefix.length <= 255 &&
    !/[\s\p{Cc}]/u.test(prefix) &&
    !prefix.split('/').includes('');
  if (valid) return prefix;
  throw invalid('prefix', `found ${show(prefix)}`, 'Use parts with a slash between them, none at the ends, no spaces.');
}

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkDialects(
  { read = ['rookery'], write = ['rookery'] }: Pick<EtcdOptions, 'read' | 'write'>,
  prefix: string,
): Layout {
  const layout = new Layout(
    prefix,
    chooseDialects(read, prefix, 'registry.read'),
    chooseDialects(write, prefix, 'registry.write'),
  );
  if (layout.read.length > 0) return layout;
  throw invalid('read', 'found an empty list', "Name at least one dialect, such as 'rookery'.");
}

function checkTtl(ttlMs: unknown): number {
  if (typeof ttlMs === 'number' && ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS) return ttlMs;
  throw invalid('ttlMs', `found ${show(ttlMs)}`, `Use ${MIN_TTL_MS} to ${MAX_TTL_MS} milliseconds.`);
}

function checkAuth({ username, password }: EtcdOptions): EtcdSettings['auth'] {
  if (username === undefined && password === undefined) return undefined;
  if (typeof username === 'string' && username !== '' && typeof password === 'string') return { username, password };
  const missing = typeof password === 'string' ? 'username' : 'password';
  throw invalid(missing, 'found only one of username and password', 'Set both, or neither.');
}

function checkTls(tls: EtcdTls | undefined, secure: boolean | undefined): EtcdSettings['tls'] {
  if (tls === undefined) return secure ? {} : undefined;
  if (typeof tls !== 'object' || tls === null)
    throw invalid('tls', `found ${show(tls)}`, 'Use { ca, cert, key }, or {}.');
  if (secure === false) throw invalid('tls', 'found TLS with http:// hosts', 'Use https://, or leave the scheme out.');
  return checkCertificates(tls, 'registry.tls');
}

function invalid(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path: path ? `registry.${path}` : 'registry',
    found: `${found}.`,
    remedy,
  });
}
