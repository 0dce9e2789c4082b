import { RookeryError, show } from '../../core/errors.js';
import { redactUrl } from '../url-error.js';

/** Where a service's list is. */
export interface HttpPlace {
  readonly urlOf: (service: string) => URL;
  /** The URL says which service it is about; else the list does. */
  readonly ofOneService: boolean;
  /** `user:password` of the URL, which leaves it for a header. */
  readonly credentials: string | undefined;
}

const SERVICE = '<service>';

/**
 * Parses a URL in whose path or query `<service>` stands for the name of the service; where it does not, an empty
 * parameter `service=` does.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function parseTemplate(text: unknown, path: string): HttpPlace {
  const fail = (fault: string) =>
    new RookeryError('ROOKERY_OPTION_INVALID', {
      path,
      found: `found ${typeof text === 'string' ? show(redactUrl(text)) : show(text)}: ${fault}.`,
      remedy: 'Use a URL such as "https://registry.example/instances?service=<service>".',
    });
  if (typeof text !== 'string') throw fail('this is no URL');
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(text) ?? [];
  if (authority === '') throw fail('this is no URL of http or https');
  if (/[<>]/.test(authority)) throw fail('the service cannot be a part of the host');
  const template = withService(rest.replace(/#.*$/s, ''));
  const scheme = text.slice(0, text.indexOf('//') + 2);
  const prefix = `${scheme}${authority.replace(/^.*@/s, '')}`;
  const urlOf = (service: string) => new URL(prefix + template.replaceAll(SERVICE, encodeURIComponent(service)));
  return {
    urlOf: checked(urlOf, fail),
    ofOneService: template.includes(SERVICE),
    credentials: credentialsOf(authority, fail),
  };
}

function withService(rest: string): string {
  return rest.includes(SERVICE) ? rest : rest.replace(/([?&]service=)(?=&|$)/, `$1${SERVICE}`);
}

type Fail = (fault: string) => RookeryError;

function checked(urlOf: HttpPlace['urlOf'], fail: Fail): HttpPlace['urlOf'] {
  try {
    urlOf('x');
  } catch {
    throw fail('this is no URL');
  }
  return urlOf;
}

function credentialsOf(authority: string, fail: Fail): string | undefined {
  const at = authority.lastIndexOf('@');
  if (at < 0) return undefined;
  try {
    return decodeURIComponent(authority.slice(0, at));
  } catch {
    throw fail('the user or the password has a "%" that is no percent-encoding (write it as %25)');
  }
}
