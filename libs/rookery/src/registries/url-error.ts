import { RookeryError, show } from '../core/errors.js';

/** Every form of a registry URL, as error messages list them. */
export const URL_FORMS = [
  'memory:',
  'local:',
  'local:<namespace>',
  'static:<service>=<host:port>,<host:port>;<service>=…',
  'etcd://[user:password@]<host>[:2379],<host>…[/<prefix>]',
  'etcds://… (TLS)',
] as const;

/** What is wrong with a registry URL: where it came from, what was found without its secrets, and which forms exist. */
export function urlInvalid(url: string, path: string, fault: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_URL_INVALID', {
    path,
    found: `found ${show(redactUrl(url))}: ${fault}.`,
    remedy: `Use one of ${URL_FORMS.join(' | ')}.`,
    cause,
  });
}

/**
 * The URL without what may be a secret, also where it is broken: credentials (all that stands before the last `@`, since
 * a password may hold an unescaped `/`), a port that is no number (`user:password` without its host), a query, and
 * everything after a scheme that is none of ours.
 */
export function redactUrl(url: string): string {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*:)(.*)$/is.exec(url) ?? [];
  if (scheme === 'local:' || scheme === 'static:' || scheme === 'memory:') return url.replace(/^.*@/s, `${scheme}***@`);
  if (scheme !== 'etcd:' && scheme !== 'etcds:') return scheme === undefined ? '***' : `${scheme}***`;
  const [, slashes = '', hosts = '', path = ''] = /^(\/*)([^/]*)(.*)$/s.exec(
    rest.replace(/^(\/*).*@/s, '$1***@').replace(/[?#].*$/s, '?***'),
  )!;
  return `${scheme}${slashes}${hosts.replaceAll(/:(?!\d+(?:,|$|\?))[^,:\]]+(?=,|$|\?)/g, ':***')}${path}`;
}
