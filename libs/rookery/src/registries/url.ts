import { fileURLToPath } from 'node:url';
import { messageOf } from '../core/errors.js';
import { checkName } from '../core/instance.js';
import { nearest } from '../core/keys.js';
import type { Registry } from '../core/registry.js';
import { dns } from './dns.js';
import { etcd, type DialectName } from './etcd/index.js';
import { checkDialects } from './etcd/options.js';
import { file } from './file.js';
import { http } from './http.js';
import { local } from './local.js';
import { processMemory } from './memory.js';
import { parseServersUrl } from './servers-url.js';
import { staticRegistry } from './static.js';
import type { StaticEntry } from './static-entry.js';
import { SCHEMES, urlInvalid } from './url-error.js';
import { zookeeper } from './zookeeper/index.js';

export interface RegistryUrlOptions {
  /** Where the URL came from, for errors; default `registry`. */
  readonly path?: string;
  /**
   * Separates environments: `memory:` is one registry per process and namespace, `local:` becomes `local:<namespace>`,
   * `local:<name>` `local:<name>-<namespace>`, and the prefix of etcd and of ZooKeeper `<prefix>-<namespace>`. Those that take
   * no registrations have none.
   */
  readonly namespace?: string;
  /** How long the entries of a dead process live, ms, where the registry has leases. */
  readonly ttlMs?: number;
}

/**
 * Makes the registry that a URL names: `memory:`, `local:[<namespace>]`, `static:<service>=<address>,…;…`,
 * `file:<path>`, `dns:[//<server>/]<name>` with `<service>` in the name, `dns:<service>=<name>;…`,
 * `http://…` or `https://…` (a list as JSON),
 * `etcd://[user:password@]<host>[:port],…[/<prefix>]`, `etcds://…` for TLS, or the same with `zookeeper:` and
 * `zookeepers:`. The user and the password are percent-decoded; without a port it is 2379, or 2181; without a prefix
 * `rookery`. `?read=…&write=…` names dialects of etcd.
 * @throws {RookeryError} ROOKERY_REGISTRY_URL_INVALID
 */
export function registryFromUrl(url: string, options: RegistryUrlOptions = {}): Registry {
  const { path = 'registry', namespace } = options;
  const [scheme, rest] = splitScheme(url);
  switch (scheme) {
    case 'memory':
      if (rest !== '') throw urlInvalid(url, path, 'nothing may follow "memory:"');
      return processMemory(namespace);
    case 'local':
      return local({ namespace: localNamespace(url, rest, options) });
    case 'static':
      return staticFromUrl(url, rest, path);
    case 'file':
      return file(filePath(url, rest, path));
    case 'dns':
      return dnsFromUrl(url, rest, path);
    case 'http':
    case 'https':
      return understood(url, path, () => http(url));
    case 'etcd':
    case 'etcds':
      return etcdFromUrl(url, options);
    case 'zookeeper':
    case 'zookeepers':
      return understood(url, path, () => zookeeper(fromServersUrl(url, options)));
    default:
      throw urlInvalid(
        String(url),
        path,
        scheme === undefined ? 'it has no scheme' : `there is no registry "${scheme}:"${hintFor(url, scheme)}`,
      );
  }
}

function hintFor(url: string, scheme: string): string {
  if (!url.slice(scheme.length).startsWith('://')) return ', or "etcd://" is missing';
  const near = nearest(SCHEMES, scheme);
  return near ? `; did you mean "${near}:"?` : '';
}

function splitScheme(url: unknown): [string | undefined, string] {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(String(url)) ?? [];
  return [scheme, rest ?? ''];
}

function localNamespace(url: string, rest: string, { path = 'registry', namespace }: RegistryUrlOptions): string {
  if (rest === '') return namespace ?? 'default';
  const name = namespace === undefined ? rest : `${rest}-${namespace}`;
  return understood(url, path, () => checkName(name, 'namespace'));
}

function etcdFromUrl(url: string, options: RegistryUrlOptions): Registry {
  const settings = fromServersUrl(url, options);
  // Only dialects can be wrong in the URL itself by now: the TTL came from elsewhere.
  understood(url, options.path ?? 'registry', () => checkDialects(settings, settings.prefix));
  return etcd(settings);
}

function fromServersUrl(url: string, { path = 'registry', namespace, ttlMs }: RegistryUrlOptions) {
  const { hosts, prefix, username, password, tls, read, write } = parseServersUrl(url, path);
  const foreign = [...(read ?? []), ...(write ?? [])].find((dialect) => dialect !== 'rookery');
  if (namespace !== undefined && foreign !== undefined) {
    // It would be one namespace for ours, and the one that everybody shares for theirs.
    const fault = `the dialect ${foreign} has no namespaces; give it a prefix with etcd({ read, write }) instead`;
    throw urlInvalid(url, path, fault);
  }
  return {
    hosts,
    prefix: namespace === undefined ? prefix : `${prefix}-${namespace}`,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    ...(ttlMs !== undefined && { ttlMs }),
    ...(read && { read: read as DialectName[] }),
    ...(write && { write: write as DialectName[] }),
  };
}

function staticFromUrl(url: string, rest: string, path: string): Registry {
  const parts = rest.split(';').filter((part) => part !== '');
  if (parts.length === 0) throw urlInvalid(url, path, 'it names no service');
  const entries = parts.flatMap((part): StaticEntry[] => {
    const [service, list, ...more] = part.split('=');
    if (!service || !list || more.length > 0) throw urlInvalid(url, path, 'a part is not <service>=<host:port>,…');
    return list.split(',').map((address) => ({ service, address }));
  });
  return understood(url, path, () => staticRegistry(entries, 'entry'));
}

/** `file:///path` is a URL, and percent-encoded; after `file:` alone stands the path as it is. */
function filePath(url: string, rest: string, path: string): string {
  if (rest === '') throw urlInvalid(url, path, 'it names no file');
  if (!rest.startsWith('//')) return rest;
  if (!rest.startsWith('///')) throw urlInvalid(url, path, 'a file of another machine cannot be read');
  if (/[?#]/.test(rest)) throw urlInvalid(url, path, 'it has a query or a fragment, which mean nothing here');
  return understood(url, path, () => fileURLToPath(`file:${rest}`));
}

function dnsFromUrl(url: string, rest: string, path: string): Registry {
  const [, server, names = ''] = /^(?:\/\/([^/]*)\/)?(.*)$/s.exec(rest) ?? [];
  const options = server === undefined ? {} : { servers: [server] };
  if (!names.includes('=')) return understood(url, path, () => dns(names, options));
  const pairs = names.split(';').filter((part) => part !== '');
  const named = pairs.map((part) => part.split('='));
  if (named.some((pair) => pair.length !== 2)) throw urlInvalid(url, path, 'a part is not <service>=<name>');
  return understood(url, path, () => dns(Object.fromEntries(named) as Record<string, string>, options));
}

/** A part that is wrong makes the URL wrong. */
function understood<T>(url: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw urlInvalid(url, path, messageOf(cause).replace(/\.$/, ''), cause);
  }
}
