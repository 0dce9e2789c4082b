import { parseAddress } from '../../core/address.js';
import { RookeryError, show } from '../../core/errors.js';
import type { Registry } from '../../core/registry.js';

/** Where a server is to listen, and who says so. */
export interface ListenPlace {
  /** `host:port`, where port 0 takes a free one, `[v6]:port` or `unix:path`. */
  readonly url: string;
  /** The path of the option or the variable, for errors. */
  readonly urlFrom: string;
}

const OPTION = 'rookeryGrpc.url';

/**
 * The option, else `ROOKERY_BIND`, else a free port: grpc-js would take an address without a port for one of port 443,
 * and a bare port for an IPv4 address.
 * @throws {RookeryError} ROOKERY_ADDRESS_INVALID
 */
export function listenPlace(option: unknown, bind: string | undefined, registry: Registry): ListenPlace {
  if (option !== undefined) return { url: checkListen(option, OPTION), urlFrom: OPTION };
  if (bind !== undefined) return { url: checkListen(bind, 'env ROOKERY_BIND'), urlFrom: 'env ROOKERY_BIND' };
  return { url: registry.capabilities.reach === 'network' ? '0.0.0.0:0' : '127.0.0.1:0', urlFrom: OPTION };
}

function checkListen(url: unknown, path: string): string {
  try {
    // Port 0 is no address to dial, but one to listen on.
    parseAddress(typeof url === 'string' ? url.replace(/:0$/, ':1') : url);
    return url as string;
  } catch {
    throw new RookeryError('ROOKERY_ADDRESS_INVALID', {
      path,
      found: `found ${show(url)}.`,
      remedy: 'Use host:port (port 0 takes a free one, 0.0.0.0 every interface), [v6]:port or unix:path.',
    });
  }
}
