import { isIP } from 'node:net';
import { RookeryError, show } from '../../core/errors.js';

/** What is asked for a service: SRV records of a name, or the addresses of one whose port is known. */
export type DnsName =
  | { readonly type: 'srv'; readonly name: string }
  | { readonly type: 'host'; readonly name: string; readonly port: number };

/** Where the name of the service stands in a template. */
export const SERVICE = '<service>';

const REMEDY =
  'Use _service._proto.name (SRV records), or name:port (addresses); <service> stands for the name of the service.';
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
/** RFC 1035 §2.3.4, without the length byte of the root. */
const MAX_NAME = 253;

/**
 * Parses `_grpc._tcp.user.svc` or `user.svc:50051`; a dot at the end of the name keeps search domains away.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function parseDnsName(text: string, path: string): DnsName {
  const fail = (fault: string) => invalid(path, text, fault);
  const [, name = '', port] = /^([^:]*)(?::(\d{1,5}))?$/s.exec(text) ?? [];
  if (isIP(name) || isIP(text)) throw fail('an address needs no DNS; see staticRegistry()');
  if (!isDnsName(name)) throw fail('this is no name in DNS');
  if (name.startsWith('_')) {
    if (port !== undefined) throw fail('SRV records say the port themselves');
    return { type: 'srv', name };
  }
  if (port === undefined) throw fail('there is no port, and no _service._proto to ask for one');
  if (Number(port) < 1 || Number(port) > 65535) throw fail('a port is a number from 1 to 65535');
  return { type: 'host', name, port: Number(port) };
}

export function isDnsName(name: string): boolean {
  const relative = name.replace(/\.$/, '');
  return relative.length <= MAX_NAME && relative.split('.').every((label) => LABEL.test(label));
}

function invalid(path: string, text: string, fault: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(text)}: ${fault}.`, remedy: REMEDY });
}
