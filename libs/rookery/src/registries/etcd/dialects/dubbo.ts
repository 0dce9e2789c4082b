import { formatAddress, parseAddress } from '../../../core/address.js';
import { caseless, flatTexts, isObject, wrong, type JsonObject } from '../../entry/json-value.js';
import { weightOf, without } from './foreign-fields.js';
import type { JsonFormat } from './json-dialect.js';

const ENDPOINTS = 'dubbo.endpoints';
const REVISION = 'dubbo.metadata.revision';
const STORAGE = 'dubbo.metadata.storage-type';
/** The protocols of Dubbo that a gRPC client speaks. */
const GRPC = ['tri', 'grpc'];

/**
 * Instances of Dubbo's application-level discovery. Java (Gson) reads its own spelling alone; dubbo-go writes the names of
 * its fields and reads any case, but for `Enable`, so what we write is Java's with that beside it.
 * Source: dubbo-spi-extensions EtcdServiceDiscovery, dubbo-go registry/etcdv3.
 */
export const DUBBO: JsonFormat = {
  name: 'dubbo',
  prefix: '/services/<service>',
  traits: { weights: false, groups: false, zero: false },
  says: ['weight', 'group', 'status', 'metadata'],
  suffix: ({ address }) => address,
  write: ({ service, address, weight, group, status, metadata }) => {
    const { host, port } = hostOf(address);
    return {
      serviceName: service,
      host,
      port,
      enabled: status === 'up',
      enable: status === 'up',
      healthy: true,
      weight,
      tag: group,
      metadata: {
        ...metadata,
        [ENDPOINTS]: JSON.stringify([{ port, protocol: 'tri' }]),
        [REVISION]: '0',
        [STORAGE]: 'local',
      },
    };
  },
  read: (raw) => {
    const metadata = flatTexts(caseless(raw, 'metadata'));
    const port = portOf(metadata?.[ENDPOINTS], caseless(raw, 'port'));
    const host = caseless(raw, 'host');
    if (port === undefined) return undefined;
    if (typeof host !== 'string' || typeof port !== 'number') throw wrong('host', host, 'Use host and port.');
    return {
      address: formatAddress(host, port),
      // 0 is what Go writes where nobody has said any, and its clients take it for 100.
      weight: weightOf(caseless(raw, 'weight')) || undefined,
      group: caseless(raw, 'tag') ?? metadata?.['dubbo.tag'] ?? '',
      status: isUp(raw) ? 'up' : 'draining',
      metadata: without(metadata, [ENDPOINTS, REVISION, STORAGE]),
    };
  },
};

function hostOf(address: string): { host: string; port: number } {
  const parsed = parseAddress(address);
  if ('host' in parsed) return { host: parsed.host, port: parsed.port };
  throw wrong('address', address, 'Use host:port.');
}

/** The port that speaks gRPC: nothing where the instance says which protocols it has, and that is none of them. */
function portOf(endpoints: string | undefined, port: unknown): unknown {
  if (endpoints === undefined) return port;
  const list: unknown = JSON.parse(endpoints);
  const named = (Array.isArray(list) ? list : []).filter(isObject) as JsonObject[];
  return named.find(({ protocol }) => GRPC.includes(String(protocol)))?.['port'];
}

function isUp(raw: JsonObject): boolean {
  return [raw['enabled'], raw['Enable'], raw['healthy'], raw['Healthy']].every((value) => value !== false);
}
