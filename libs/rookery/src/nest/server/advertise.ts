import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatAddress, parseAddress, type Address } from '../../core/address.js';
import { RookeryError, show } from '../../core/errors.js';
import type { Registry } from '../../core/registry.js';
import { pause } from '../../core/time.js';
import { systemTime } from '../../system/time.js';
import type { Bound } from './bind.js';

/** How long the registry's name may take to be found, ms. */
const LOOKUP_MS = 2000;

export interface AdvertiseOptions {
  /** From the options; `host` or `host:port`. */
  readonly option?: string | undefined;
  /** From `ROOKERY_ADVERTISE`. */
  readonly environment?: string | undefined;
  /** From `POD_IP`. */
  readonly podIp?: string | undefined;
  /** Where the server listens. */
  readonly bound: Bound;
  /** The path of what says so, for errors; default `rookeryGrpc.url`. */
  readonly boundBy?: string;
  readonly registry: Registry;
  /** The interfaces of this machine; default those of `node:os`. */
  readonly interfaces?: Interfaces;
}

type Interfaces = ReturnType<typeof networkInterfaces>;
type Family = 4 | 6;

/** An address for the registry, and why it is this one. */
export interface Advertised {
  readonly address: string;
  readonly why: string;
}

/**
 * Finds what clients should dial: option · ROOKERY_ADVERTISE · the bound host when it is specific · POD_IP · the local
 * end of a UDP connect towards the registry · the first interface that is not internal. Registries that nobody outside
 * this machine reads get loopback. Never a wildcard.
 * @throws {RookeryError} ROOKERY_ADVERTISE_UNKNOWN, ROOKERY_ADVERTISE_LOOPBACK, ROOKERY_ADDRESS_INVALID
 */
export async function findAdvertised(options: AdvertiseOptions): Promise<Advertised> {
  const { bound, boundBy = 'rookeryGrpc.url', registry } = options;
  const near = registry.capabilities.reach !== 'network';
  if (options.option) return said(options.option, bound, 'rookeryGrpc.advertise', 'option advertise');
  if (options.environment) return said(options.environment, bound, 'env ROOKERY_ADVERTISE');
  if ('path' in bound) return socketFile(bound.path, near, registry, boundBy);
  const at = (host: string, why: string) => ({ address: formatAddress(host, bound.port), why });
  if (near)
    return isWildcard(bound.host)
      ? at('127.0.0.1', `only this ${registry.capabilities.reach} reads ${registry.name}`)
      : at(bound.host, 'the bound host');
  if (!isWildcard(bound.host)) return at(await notLoopback(bound.host, registry, boundBy), 'the bound host');
  if (options.podIp) return said(options.podIp, bound, 'env POD_IP');
  // What listens on 0.0.0.0 does not hear IPv6; what listens on :: hears both.
  const families: readonly Family[] = bound.host === '::' ? [4, 6] : [4];
  for (const host of registry.hosts ?? []) {
    const local = await localAddressTowards(host, families);
    if (local && !isLoopback(local)) return at(local, `the local address towards ${registry.name}`);
    // The registry is on this machine: so, for all that is known, are its readers.
    if (local) return at(local, `${registry.name} is reached by loopback`);
  }
  const external = firstExternal(options.interfaces ?? networkInterfaces(), families);
  if (external) return at(external.address, `network interface ${external.name}`);
  const wanted = families.length === 1 ? 'no IPv4 address on a network interface' : 'no network interface';
  throw new RookeryError('ROOKERY_ADVERTISE_UNKNOWN', {
    path: 'rookeryGrpc.advertise',
    found: `the server listens on ${bound.host}, and there is ${wanted} but loopback and the bridges of containers.`,
    remedy: 'Set the option `advertise` of rookeryGrpc(), or ROOKERY_ADVERTISE, to a host that clients can reach.',
  });
}

function said(text: string, bound: AdvertiseOptions['bound'], path: string, why = path): Advertised {
  const withPort = /^(\[[^\]]+\]|[^:]+):\d+$/.test(text) || text.startsWith('unix:');
  const host = text.replace(/^\[(.*)\]$/, '$1');
  const address = withPort || 'path' in bound ? text : formatAddress(host, bound.port);
  const parsed = understood(address);
  if (parsed && !('host' in parsed && isWildcard(parsed.host))) return { address, why };
  throw new RookeryError('ROOKERY_ADDRESS_INVALID', {
    path,
    found: `found ${show(text)}.`,
    remedy: parsed ? 'Name a host that clients can dial.' : 'Use host, host:port, [v6]:port or unix:path.',
  });
}

/** The port may be one that was added: the error shows what was written. */
function understood(address: string): Address | undefined {
  try {
    return parseAddress(address);
  } catch {
    return undefined;
  }
}

function socketFile(path: string, near: boolean, registry: Registry, boundBy: string): Advertised {
  if (near) return { address: `unix:${path}`, why: 'the bound socket' };
  throw new RookeryError('ROOKERY_ADVERTISE_UNKNOWN', {
    path: boundBy,
    found: `a unix socket cannot be reached by the readers of ${registry.name}.`,
    remedy: 'Listen on a TCP port, or set `advertise`.',
  });
}

/** A loopback address is right only where the registry is on this machine as well. */
async function notLoopback(host: string, registry: Registry, boundBy: string): Promise<string> {
  if (!isLoopback(host)) return host;
  const hosts = registry.hosts ?? [];
  const seen = await Promise.all(hosts.map((one) => localAddressTowards(one, [4, 6])));
  if (hosts.length > 0 && seen.every((local) => local !== undefined && isLoopback(local))) return host;
  throw new RookeryError('ROOKERY_ADVERTISE_LOOPBACK', {
    path: boundBy,
    found: `the server listens on ${host}, and others read ${registry.name}.`,
    remedy: 'Listen on 0.0.0.0 or on an outside address, or say `advertise` if loopback is really meant.',
  });
}

/** The address that this machine would use to reach `host:port`; nothing is sent. */
async function localAddressTowards(target: string, families: readonly Family[]): Promise<string | undefined> {
  const address = parseAddress(target, 'registry.hosts');
  if ('path' in address) return undefined;
  const literal = isIP(address.host);
  for (const family of families.filter((one) => literal === 0 || literal === one)) {
    const local = await localEnd(address, family);
    if (local) return local;
  }
  return undefined;
}

function localEnd({ host, port }: { host: string; port: number }, family: Family): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const done = (local?: string) => {
      if (limit.signal.aborted) return;
      limit.abort();
      socket.close();
      resolve(local);
    };
    // The name of the registry may take a resolver's time to be found; a server must not wait for that to listen.
    const limit = new AbortController();
    void pause(systemTime, LOOKUP_MS, limit.signal).then(() => done());
    socket.on('error', () => done());
    // Node calls back on failure as well, when the address is still a wildcard; its types do not say so.
    const connected = (error?: Error) => done(error ? undefined : socket.address().address);
    socket.connect(port, host, connected);
  });
}

/** Bridges that containers and virtual machines of this host hang on: no other machine gets there. */
const BRIDGE = /^(docker|br-|veth|virbr|cni|flannel|cali|podman|lxc|lxd)/;

/** IPv4 first; of several interfaces the first that the system names. */
function firstExternal(
  interfaces: Interfaces,
  families: readonly Family[],
): { readonly name: string; readonly address: string } | undefined {
  const outside = Object.entries(interfaces).filter(([name]) => !BRIDGE.test(name));
  const all = outside.flatMap(([name, list]) => (list ?? []).map((one) => ({ ...one, name })));
  const external = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'));
  for (const family of families) {
    const found = external.find((one) => one.family === `IPv${family}`);
    if (found) return found;
  }
  return undefined;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') || host.startsWith('::ffff:127.');
}
