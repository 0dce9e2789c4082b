import { RookeryError, show } from '../core/errors.js';
import { nearest } from '../core/keys.js';

export const SCHEMES = [
  'memory',
  'local',
  'static',
  'file',
  'dns',
  'http',
  'https',
  'etcd',
  'etcds',
  'zookeeper',
  'zookeepers',
] as const;

/** Every form of a registry URL, as error messages list them. */
export const URL_FORMS = [
  'memory:',
  'local:',
  'local:<namespace>',
  'static:<service>=<host:port>,<host:port>;<service>=…',
  'file:<path>',
  'dns:[//<server>[:53]/]<name>',
  'dns:<service>=<name>;<service>=…',
  'http[s]://[user:password@]<host>/<path>[?service=<service>]',
  'etcd://[user:password@]<host>[:2379],<host>…[/<prefix>][?read=<dialect>,…&write=…]',
  'etcds://… (TLS)',
  'zookeeper://[user:password@]<host>[:2181],<host>…[/<prefix>]',
  'zookeepers://… (TLS)',
] as const;

/** What is wrong with a registry URL: where it came from, what was found without its secrets, and which forms exist. */
export function urlInvalid(url: string, path: string, fault: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_URL_INVALID', {
    path,
    found: `found ${show(redactUrl(url))}: ${fault}${fault.endsWith('?') ? '' : '.'}`,
    remedy: `Use one of ${URL_FORMS.join(' | ')}.`,
    cause,
  });
}

/** Schemes of registries that take no secrets. */
const PLAIN: ReadonlySet<string> = new Set(['memory:', 'local:', 'static:', 'dns:', 'file:']);

/**
 * The URL without what may be a secret, also where it is broken: credentials (all that stands before the last `@`, since
 * a password may hold an unescaped `/`), a port that is no number (`user:password` without its host), a query, and
 * everything after a scheme that is none of ours, unless it is a misspelt one of a registry that has servers.
 */
export function redactUrl(url: string): string {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*:)(.*)$/is.exec(url) ?? [];
  if (scheme !== undefined && PLAIN.has(scheme)) return url.replace(/^.*@/s, `${scheme}***@`);
  if (scheme === 'http:' || scheme === 'https:') return redactHttp(scheme, rest);
  if (!hasServers(scheme, rest)) return scheme === undefined ? '***' : `${scheme}***`;
  const [, slashes = '', hosts = '', path = ''] = /^(\/*)([^/]*)(.*)$/s.exec(
    rest.replace(/^(\/*).*@/s, '$1***@').replace(/[?#].*$/s, '?***'),
  )!;
  return `${scheme}${slashes}${hosts.replaceAll(/:(?!\d+(?:,|$|\?))[^,:\]]+(?=,|$|\?)/g, ':***')}${path}`;
}

/** Without the user, the fragment, and every value of the query that is not where the service stands. */
function redactHttp(scheme: string, rest: string): string {
  const [, slashes = '', authority = '', path = '', query] = /^(\/*)([^/?#]*)([^?#]*)(?:\?([^#]*))?/s.exec(rest)!;
  const values = query?.replaceAll(/[^&]+/g, (pair) => {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined) return '***';
    return `${name}=${value === '' || value === '<service>' ? value : '***'}`;
  });
  // A password may hold an unescaped slash.
  const place = (authority + path)
    .replace(/^.*@/s, '***@')
    // Where a password holds a question mark, what stands before it looks like a port.
    .replace(/^([^/]*):(?!\d+(?:\/|$))[^/:\]]+(?=\/|$)/, '$1:***');
  return `${scheme}${slashes}${place}${values === undefined ? '' : `?${values}`}`;
}

/** Its scheme is one of those, or looks like a slip of the pen: who sees `ectd:***` sees nothing. */
function hasServers(scheme: string | undefined, rest: string): boolean {
  const servers = /^(etcd|zookeeper)s?$/;
  if (scheme === undefined || servers.test(scheme.slice(0, -1))) return scheme !== undefined;
  return rest.startsWith('//') && servers.test(nearest(SCHEMES, scheme.slice(0, -1)) ?? '');
}
