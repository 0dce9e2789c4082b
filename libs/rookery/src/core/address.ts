import { RookeryError, show } from './errors.js';

/** Where an instance listens: a TCP port of a host, or a unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

const REMEDY = 'Use host:port, [v6]:port or unix:path.';

/**
 * Parses `host:port`, `[v6]:port` or `unix:path`.
 * @throws {RookeryError} ROOKERY_ADDRESS_INVALID
 */
export function parseAddress(text: unknown, path = 'address'): Address {
  if (typeof text === 'string' && text.length <= 1024) {
    if (text.startsWith('unix:') && text.length > 5) return { path: text.slice(5) };
    const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s/:[\]]+)):(\d{1,5})$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host !== undefined && port >= 1 && port <= 65535) return { host, port };
  }
  throw new RookeryError('ROOKERY_ADDRESS_INVALID', { path, found: `found ${show(text)}.`, remedy: REMEDY });
}

/** `host:port`, with brackets where the host is IPv6. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
