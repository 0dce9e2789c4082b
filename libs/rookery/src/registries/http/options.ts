import { validateHeaderName, validateHeaderValue } from 'node:http';
import { reasonOf, RookeryError, show } from '../../core/errors.js';
import { checkKeys, type KeysOf } from '../../core/keys.js';
import type { Random, Time } from '../../core/time.js';
import { checkCertificates, type Certificates } from '../certificates.js';
import { parseTemplate, type HttpPlace } from './template.js';

export type HttpHeaders = Readonly<Record<string, string>>;

export interface HttpTls {
  /** Certificates that the server's is signed by, PEM; default those that Node trusts. */
  readonly ca?: Buffer | string;
  /** Our own certificate, PEM, where the server wants one; needs `key`. */
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

export interface HttpOptions {
  /** Sent with every request; a function is asked before each, such as for a token that changes. Shown nowhere. */
  readonly headers?: HttpHeaders | (() => HttpHeaders | Promise<HttpHeaders>);
  /** For `https:`; default what Node trusts. */
  readonly tls?: HttpTls;
  /** Between two looks where the server says nothing of it (`Cache-Control: max-age`), ms, a tenth more or less; default 5000. */
  readonly intervalMs?: number;
  /** How long an answer may take, ms, besides what the server is asked to wait; default 5000. */
  readonly timeoutMs?: number;
  /** Asks the server to answer when something has changed: `Prefer: wait=30` (RFC 7240), where it gave an ETag; default false. */
  readonly longPoll?: boolean;
  /** For specs; default the clock of this process. */
  readonly time?: Time;
  /** For specs; default Math.random. */
  readonly random?: Random;
}

export interface HttpSettings extends HttpPlace {
  readonly headers: () => Promise<HttpHeaders>;
  readonly tls: Certificates;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly longPoll: boolean;
}

const KEYS: KeysOf<HttpOptions> = {
  headers: true,
  tls: true,
  intervalMs: true,
  timeoutMs: true,
  longPoll: true,
  time: true,
  random: true,
};

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkHttpOptions(url: unknown, options: HttpOptions): HttpSettings {
  const place = parseTemplate(url, 'registry');
  if (typeof options !== 'object' || options === null) throw invalid('', options, 'Pass options: http(url, {}).');
  checkKeys(options, KEYS, 'registry');
  const { longPoll = false, tls } = options;
  if (typeof longPoll !== 'boolean') throw invalid('longPoll', longPoll, 'Use true or false.');
  if (tls !== undefined && (typeof tls !== 'object' || tls === null))
    throw invalid('tls', tls, 'Use { ca, cert, key }.');
  if (tls !== undefined && !/^https:/i.test(url as string))
    throw invalid('tls', tls, 'Use an https:// URL, or leave `tls` out.');
  return {
    ...place,
    headers: checkHeaders(options.headers),
    tls: tls === undefined ? {} : checkCertificates(tls, 'registry.tls'),
    intervalMs: checkTime(options.intervalMs ?? 5000, 'intervalMs'),
    timeoutMs: checkTime(options.timeoutMs ?? 5000, 'timeoutMs'),
    longPoll,
  };
}

function checkHeaders(headers: HttpOptions['headers']): HttpSettings['headers'] {
  // What a function gives may be right the next time, so it must not end the watch.
  if (typeof headers === 'function')
    return async () => {
      const given = await headers();
      try {
        return checkedHeaders(given);
      } catch (error) {
        throw new Error(`what the function \`headers\` gives cannot be sent: ${reasonOf(error)}`, { cause: error });
      }
    };
  const fixed = checkedHeaders(headers ?? {});
  return () => Promise.resolve(fixed);
}

/** Their values may be secrets: no error shows one. */
function checkedHeaders(headers: unknown): HttpHeaders {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw invalid('headers', headers, "Use an object such as { authorization: 'Bearer …' }, or a function.");
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value as string);
    } catch {
      throw invalid(`headers.${name}`, value === undefined ? value : '***', 'Use a name and a text that HTTP allows.');
    }
    checked[name.toLowerCase()] = String(value);
  }
  return checked;
}

/** The longest is a day: a longer one would be a mistake of the unit. */
function checkTime(value: unknown, path: string): number {
  if (typeof value === 'number' && value >= 10 && value <= 86_400_000) return value;
  throw invalid(path, value, 'Use milliseconds, 10 to 86400000.');
}

function invalid(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path: path ? `registry.${path}` : 'registry',
    found: `found ${show(value)}.`,
    remedy,
  });
}
