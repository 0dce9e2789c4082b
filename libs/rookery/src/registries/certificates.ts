import { createSecureContext } from 'node:tls';
import { messageOf, RookeryError } from '../core/errors.js';
import { checkKeys, type KeysOf } from '../core/keys.js';

/** What a user says of TLS, PEM. */
export interface CertificateOptions {
  readonly ca?: Buffer | string;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

/** The same, checked. */
export interface Certificates {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const KEYS: KeysOf<CertificateOptions> = { ca: true, cert: true, key: true };

/**
 * Takes only what TLS can use, so that a mistake shows when the application starts.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkCertificates(tls: CertificateOptions, path: string): Certificates {
  checkKeys(tls, KEYS, path);
  const { ca, cert, key } = tls;
  if (!cert !== !key) throw invalid(path, 'found only one of cert and key', 'Set both, or neither.');
  const texts = {
    ...(ca !== undefined && { ca: pem(ca, `${path}.ca`) }),
    ...(cert !== undefined && { cert: pem(cert, `${path}.cert`) }),
    ...(key !== undefined && { key: pem(key, `${path}.key`) }),
  };
  checkUsable(texts, path);
  return texts;
}

function pem(text: unknown, path: string): Buffer {
  const remedy = 'Use the PEM text, which begins with -----BEGIN, or a Buffer that holds it.';
  const found = Buffer.isBuffer(text) ? text : typeof text === 'string' ? Buffer.from(text) : undefined;
  if (!found) throw invalid(path, `found ${text === null ? 'null' : `a ${typeof text}`}`, remedy);
  // A path in place of the text would be silently no authority at all.
  if (!found.includes('-----BEGIN ')) throw invalid(path, 'found a text that is no PEM', remedy);
  return found;
}

/** What TLS itself refuses would otherwise be told at every try, as if the registry were away. */
function checkUsable(texts: Certificates, path: string): void {
  try {
    createSecureContext(texts);
  } catch (error) {
    const found = `found what cannot be used (${messageOf(error)})`;
    throw invalid(path, found, 'Use a certificate and the key that was made for it, without a passphrase.');
  }
}

function invalid(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `${found}.`, remedy });
}
