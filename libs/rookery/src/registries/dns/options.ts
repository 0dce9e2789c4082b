import { getServers } from 'node:dns';
import { isIP } from 'node:net';
import { RookeryError, show } from '../../core/errors.js';
import { checkName } from '../../core/instance.js';
import { checkKeys, type KeysOf } from '../../core/keys.js';
import type { Time } from '../../core/time.js';
import type { Family } from './addresses.js';
import type { DnsServer } from './exchange.js';
import { isDnsName, parseDnsName, SERVICE, type DnsName } from './name.js';

/** A name for every service, with `<service>` where its own name stands, or a name for each. */
export type DnsNames = string | Readonly<Record<string, string>>;

export interface DnsOptions {
  /** Addresses such as `10.0.0.2`, `10.0.0.2:53` or `[fd00::a]:53`; default those of the machine (`dns.getServers()`). */
  readonly servers?: readonly string[];
  /** Domains that complete names without a dot at their ends; default those of /etc/resolv.conf. */
  readonly search?: readonly string[];
  /** Names with fewer dots are looked for in the domains first, 0…15; default that of /etc/resolv.conf, else 1. */
  readonly ndots?: number;
  /** Only IPv4, or only IPv6 addresses; default both, so that who has two counts as two instances. */
  readonly family?: Family;
  /** The instances speak TLS; default false. */
  readonly secure?: boolean;
  /** The least time between two looks, whatever the TTL, ms; default 5000. */
  readonly minTtlMs?: number;
  /** The most, ms; default 30 000. */
  readonly maxTtlMs?: number;
  /** How long one server may take to answer, ms; default 2000. */
  readonly timeoutMs?: number;
  /** For specs; default the clock of this process. */
  readonly time?: Time;
}

export interface DnsSettings {
  /** What to ask for a service; nothing where the names say nothing of it. */
  readonly questionOf: (service: string) => DnsName | undefined;
  readonly servers: () => readonly DnsServer[];
  readonly search: readonly string[] | undefined;
  readonly ndots: number | undefined;
  readonly family: Family | undefined;
  readonly secure: boolean;
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly timeoutMs: number;
}

const KEYS: KeysOf<DnsOptions> = {
  servers: true,
  search: true,
  ndots: true,
  family: true,
  secure: true,
  minTtlMs: true,
  maxTtlMs: true,
  timeoutMs: true,
  time: true,
};

const DNS_PORT = 53;

/** @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID */
export function checkDnsOptions(names: DnsNames, options: DnsOptions): DnsSettings {
  if (typeof options !== 'object' || options === null)
    throw invalid('', options, "Pass options: dns('users.shop.svc.cluster.local:50051', { servers: ['10.0.0.2'] }).");
  checkKeys(options, KEYS, 'registry');
  const { family, secure = false, search, ndots } = options;
  if (family !== undefined && family !== 4 && family !== 6) throw invalid('family', family, 'Use 4 or 6.');
  if (typeof secure !== 'boolean') throw invalid('secure', secure, 'Use true or false.');
  const minTtlMs = checkTime(options.minTtlMs ?? 5000, 'minTtlMs');
  const maxTtlMs = checkTime(options.maxTtlMs ?? Math.max(30_000, minTtlMs), 'maxTtlMs');
  if (maxTtlMs < minTtlMs) throw invalid('maxTtlMs', maxTtlMs, 'Use at least minTtlMs.');
  return {
    questionOf: checkNames(names),
    servers: checkServers(options.servers),
    search: search === undefined ? undefined : checkSearch(search),
    ndots: ndots === undefined ? undefined : checkNdots(ndots),
    family,
    secure,
    minTtlMs,
    maxTtlMs,
    timeoutMs: checkTime(options.timeoutMs ?? 2000, 'timeoutMs'),
  };
}

function checkNames(names: unknown): DnsSettings['questionOf'] {
  if (typeof names === 'string') {
    // One letter shows the form; a service whose name makes it too long is refused when it is asked for.
    parseDnsName(names.replaceAll(SERVICE, 'x'), 'registry');
    return (service) => parseDnsName(names.replaceAll(SERVICE, service), 'service');
  }
  if (typeof names !== 'object' || names === null || Object.keys(names).length === 0)
    throw invalid(
      '',
      names,
      "Use a name such as '_grpc._tcp.<service>.shop.svc.cluster.local', or { 'user-server': 'users.svc:50051' }.",
    );
  const questions = new Map(
    Object.entries(names as Record<string, unknown>).map(([service, name]) => [
      checkName(service, 'registry'),
      parseDnsName(String(name).replaceAll(SERVICE, service), `registry.${service}`),
    ]),
  );
  return (service) => questions.get(service);
}

function checkServers(servers: unknown): () => readonly DnsServer[] {
  if (servers === undefined) return () => getServers().map((server) => parseServer(server, 'servers'));
  if (!Array.isArray(servers) || servers.length === 0)
    throw invalid('servers', servers, "Name at least one, such as ['10.0.0.2:53'], or leave the option out.");
  const parsed = servers.map((server: unknown, i) => parseServer(server, `servers[${i}]`));
  return () => parsed;
}

function parseServer(server: unknown, path: string): DnsServer {
  const text = String(server);
  const match = isIP(text.replace(/%.*$/, '')) === 6 ? [text, text] : /^\[?([^[\]]*?)\]?(?::(\d{1,5}))?$/.exec(text);
  const [, host = '', port = String(DNS_PORT)] = match ?? [];
  const valid = isIP(host.replace(/%.*$/, '')) > 0 && Number(port) >= 1 && Number(port) <= 65535;
  if (valid) return { host, port: Number(port) };
  throw invalid(path, server, 'Use an IP address, with a port or without: "10.0.0.2", "10.0.0.2:53", "[fd00::a]:53".');
}

function checkSearch(search: unknown): readonly string[] {
  if (Array.isArray(search)) {
    const wrong = search.findIndex((domain) => typeof domain !== 'string' || !isDnsName(domain));
    if (wrong < 0) return search.map((domain: string) => domain.replace(/\.$/, ''));
    throw invalid(`search[${wrong}]`, search[wrong], 'Use domains such as "svc.cluster.local".');
  }
  throw invalid('search', search, 'Use a list of domains; [] is none.');
}

function checkNdots(ndots: unknown): number {
  if (Number.isInteger(ndots) && (ndots as number) >= 0 && (ndots as number) <= 15) return ndots as number;
  throw invalid('ndots', ndots, 'Use a whole number from 0 to 15.');
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
