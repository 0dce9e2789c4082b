import { flatTexts, isObject, wrong, type JsonObject } from '../../entry/json-value.js';
import { without } from './foreign-fields.js';
import type { JsonFormat } from './json-dialect.js';

/** What its gRPC server says of itself. */
const ITS_OWN = { protocol: 'grpc', server: 'grpc', transport: 'grpc', registry: 'etcd' };

/** go-micro with its etcd registry; a value stands for one of its nodes. Source: go-micro registry/etcd. */
export const GO_MICRO: JsonFormat = {
  name: 'go-micro',
  prefix: '/micro/registry/<service>',
  traits: { weights: false, groups: false, zero: false },
  says: ['version', 'metadata'],
  suffix: ({ id }) => id.replaceAll('/', '-'),
  write: ({ id, service, version = 'latest', metadata, address }) => ({
    name: service,
    version,
    metadata: {},
    endpoints: [],
    nodes: [{ id, address, metadata: { ...metadata, ...ITS_OWN } }],
  }),
  read: (raw) => {
    const first = nodeOf(raw);
    const metadata = flatTexts(first['metadata']);
    const speaks = metadata?.['protocol'] ?? 'grpc';
    if (speaks !== 'grpc') return undefined;
    return {
      address: first['address'],
      version: raw['version'] === 'latest' ? undefined : raw['version'],
      metadata: without(metadata, Object.keys(ITS_OWN)),
    };
  },
};

function nodeOf(raw: JsonObject): JsonObject {
  const [first] = Array.isArray(raw['nodes']) ? (raw['nodes'] as unknown[]) : [];
  if (isObject(first)) return first;
  throw wrong('nodes', raw['nodes'], 'Use an array of one object.');
}
