import { formatAddress, parseAddress } from '../core/address.js';
import { urlInvalid } from './url-error.js';

/** What a URL such as `etcd://user:password@h1,h2:2379/prefix` says of the servers of a registry. */
export interface ServersUrl {
  /** `host:port`, or `[v6]:port`. */
  readonly hosts: readonly string[];
  /** Without slashes at its ends; default `rookery`. */
  readonly prefix: string;
  readonly username?: string;
  readonly password?: string;
  /** The scheme ends with an s, as `etcds:` does. */
  readonly tls: boolean;
  /** Names of dialects, unchecked. */
  readonly read?: readonly string[];
  readonly write?: readonly string[];
}

/** The port of each registry that has servers, where the URL names none. */
const DEFAULT_PORTS = { etcd: 2379, zookeeper: 2181 };

/**
 * Parses the URL of a registry that has servers. Our own parser, since `new URL()` throws on more than one host.
 * @param path where the URL came from, for errors
 * @throws {RookeryError} ROOKERY_REGISTRY_URL_INVALID
 */
export function parseServersUrl(url: string, path: string): ServersUrl {
  const fail = (fault: string) => urlInvalid(url, path, fault);
  const [, scheme = '', tls, rest] = /^(etcd|zookeeper)(s?):\/\/(.*)$/s.exec(url) ?? [];
  if (rest === undefined) throw fail(`"${url.split(':', 1)[0]}:" must be followed by //`);
  const defaultPort = DEFAULT_PORTS[scheme as keyof typeof DEFAULT_PORTS];
  const at = rest.lastIndexOf('@');
  const [place = '', ...query] = rest.slice(at + 1).split('?');
  const slash = place.indexOf('/');
  const authority = place.slice(0, slash < 0 ? undefined : slash);
  const tail = slash < 0 ? '' : place.slice(slash);
  if (rest.slice(at + 1).includes('#')) throw fail('it has a fragment, which means nothing here');
  return {
    hosts: authority.split(',').map((host) => parseHost(host, defaultPort, fail)),
    prefix: parsePrefix(tail, fail),
    ...(at >= 0 && parseCredentials(rest.slice(0, at), fail)),
    ...parseQuery(query.join('?'), fail),
    tls: tls === 's',
  };
}

type Fail = (fault: string) => Error;

function parseHost(text: string, defaultPort: number, fail: Fail): string {
  const [, host, port] = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(text) ?? [];
  if (host === undefined) throw fail('a host is malformed; an IPv6 address stands in brackets');
  if (host === '' || host === '[]') throw fail('a host is empty');
  // The port is not shown: where somebody forgot the host, it is a password.
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw fail('a port is not a number from 1 to 65535');
  const address = `${host}:${port ?? defaultPort}`;
  try {
    const parsed = parseAddress(address);
    return 'host' in parsed && parsed.host !== 'unix' ? formatAddress(parsed.host, parsed.port) : address;
  } catch {
    throw fail('a host or its port (1 to 65535) is malformed');
  }
}

function parsePrefix(tail: string, fail: Fail): string {
  if (tail === '' || tail === '/') return 'rookery';
  const prefix = decode(tail.slice(1).replace(/\/$/, ''), 'prefix', fail);
  // One leading slash separates; a second one would be part of the key, which the official resolver does not find.
  if (prefix.startsWith('/')) throw fail('the prefix starts with a slash');
  if (prefix.split('/').includes('')) throw fail('the prefix has an empty part');
  if (/[\s\p{Cc}]/u.test(prefix)) throw fail('the prefix has a space or a control character');
  return prefix;
}

function parseQuery(query: string, fail: Fail): { read?: string[]; write?: string[] } {
  const dialects: { read?: string[]; write?: string[] } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'read' && name !== 'write') throw fail('its query may have "read" and "write" and nothing else');
    dialects[name] = value === '' ? [] : value.split(',');
  }
  return dialects;
}

function parseCredentials(text: string, fail: Fail): { username: string; password: string } {
  const colon = text.indexOf(':');
  const username = decode(colon < 0 ? text : text.slice(0, colon), 'user', fail);
  if (username === '') throw fail('the user is empty');
  if (colon < 0) throw fail('the user has no password');
  return { username, password: decode(text.slice(colon + 1), 'password', fail) };
}

function decode(text: string, part: string, fail: Fail): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fail(`the ${part} has a "%" that is no percent-encoding (write it as %25)`);
  }
}
