import { RookeryError, show } from '../core/errors.js';
import type { ServiceInstance } from '../core/instance.js';
import { checkKeys } from '../core/keys.js';

export type ServerNameFunction = (instance: ServiceInstance) => string;

/** The option `tls` of a client. */
export interface TlsOptions {
  /**
   * The name that the certificate of a server must carry; default the service's name, and before it what `channelOptions`
   * says as `grpc.ssl_target_name_override`. A function says it for each
   * instance, where certificates are made per host: whatever it takes from the entry, whoever writes the registry
   * chooses. It must not throw; where it does, or returns no name, that instance gets no call.
   */
  readonly serverName?: string | ServerNameFunction;
}

/** A DNS name or an IP address. */
const NAME = /^[A-Za-z0-9._:-]{1,253}$/;

/**
 * @param url the client's target where it bypasses discovery, and has no instances
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkTls(tls: unknown, path: string, url?: string): TlsOptions {
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) throw invalid(path, tls);
  checkKeys(tls, { serverName: true }, path);
  const { serverName } = tls as TlsOptions;
  if (serverName === undefined || isName(serverName)) return tls;
  if (typeof serverName === 'function' && url === undefined) return tls;
  throw invalid(`${path}.serverName`, serverName, url !== undefined);
}

/** @throws {Error} where the function throws or returns no name */
export function serverNameFor(serverName: ServerNameFunction, instance: ServiceInstance): string {
  const name: unknown = serverName(instance);
  if (isName(name)) return name;
  throw new Error(`it returned ${show(name)}, which is no name`);
}

/**
 * What to add to the error of a connection where one side has TLS credentials and the other has none. Not told
 * beforehand: a proxy in between may speak TLS for a server that does not.
 */
export function tlsHint(instance: ServiceInstance, secure: boolean | undefined): string {
  if (secure === undefined || instance.peer === 0 || secure === instance.secure) return '';
  return secure
    ? ' (the client has TLS credentials and the server has none: give rookeryGrpc() credentials, or the client none)'
    : ' (the server has TLS credentials and the client has none: give the client credentials)';
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name);
}

function invalid(path: string, found: unknown, direct = false): RookeryError {
  const forEach = direct ? '; with `url` there are no instances to make it of' : ', or a function of an instance';
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(found)}.`,
    remedy: `Use { serverName }: the name in the certificate of the servers${forEach}.`,
  });
}
