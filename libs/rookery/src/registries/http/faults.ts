import { messageOf, RookeryError, type RookeryErrorCode } from '../../core/errors.js';
import { RedirectError } from './request.js';

type Row = readonly [pattern: RegExp, remedy: string];

/** One side does not take the other's certificate; by the codes of Node, and by what the other side says. */
const DISTRUST: readonly Row[] = [
  [/ALTNAME|altnames/, 'Its certificate is for other names: name it as the certificate does.'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'Look at the dates of its certificate, and at the clock of this machine.'],
  [
    /SELF_SIGNED|UNABLE_TO|CERT_(?:UNTRUSTED|REJECTED|SIGNATURE)/,
    'No authority that this process trusts has signed its certificate: set `tls.ca` to the one that has.',
  ],
  [
    /alert (?:bad|unsupported|unknown|expired|revoked)? ?(?:certificate|ca\b)|certificate required/i,
    'It wants a certificate of ours: set `tls.cert` and `tls.key` to one that it accepts.',
  ],
];

/** There was no answer to go by. */
export function transportFault(place: string, error: unknown): RookeryError {
  if (error instanceof RookeryError) return error;
  const text = `${(error as NodeJS.ErrnoException).code ?? ''} ${messageOf(error)}`;
  const distrust = DISTRUST.find(([pattern]) => pattern.test(text))?.[1];
  if (distrust !== undefined) return fault('ROOKERY_REGISTRY_UNTRUSTED', place, messageOf(error), distrust, error);
  const remedy = error instanceof RedirectError ? 'Name the URL where the list really is.' : hintOf(text);
  // Several addresses of a name fail with an error that says nothing by itself.
  return fault('ROOKERY_REGISTRY_UNREACHABLE', place, messageOf(error) || text.trim(), remedy, error);
}

function hintOf(text: string): string {
  return /EPROTO|wrong version number/i.test(text)
    ? 'It does not speak TLS there: use http://. Trying again.'
    : 'Trying again.';
}

/** The answer is no list. */
export function statusFault(place: string, status: number): RookeryError {
  if (status === 401 || status === 403 || status === 407)
    return fault(
      'ROOKERY_REGISTRY_REFUSED',
      place,
      `it answers ${status}`,
      'Correct what says who we are: `headers`, or the user and the password of the URL. Trying again.',
    );
  const remedy =
    status === 404
      ? 'Correct the path; a service without instances is an empty list, [], with status 200. Trying again.'
      : 'Trying again.';
  return fault('ROOKERY_REGISTRY_UNREACHABLE', place, `it answers ${status}`, remedy);
}

function fault(code: RookeryErrorCode, path: string, found: string, remedy: string, cause?: unknown): RookeryError {
  return new RookeryError(code, { path, found: `${found}.`, remedy, ...(cause !== undefined && { cause }) });
}
