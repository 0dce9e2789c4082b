import { flatTexts } from '../../entry/json-value.js';
import { weightOf, without } from './foreign-fields.js';
import type { JsonFormat } from './json-dialect.js';

/** Kratos v2 and v3 with its etcd registry; the prefix is its option `Namespace`. Source: go-kratos contrib/registry/etcd. */
export const KRATOS: JsonFormat = {
  name: 'kratos',
  prefix: '/microservices/<service>',
  traits: { weights: true, groups: false, zero: true },
  says: ['weight', 'secure', 'version', 'metadata'],
  suffix: ({ id }) => id,
  write: ({ id, service, version = '', metadata, weight, address, secure }) => ({
    id,
    name: service,
    version,
    metadata: { ...metadata, weight: String(weight) },
    // Newer versions look at the scheme, older ones at the query.
    endpoints: [`${secure ? 'grpcs' : 'grpc'}://${address}?isSecure=${secure}`],
  }),
  read: (raw) => {
    const endpoint = grpcEndpoint(raw['endpoints']);
    const metadata = flatTexts(raw['metadata']);
    return (
      endpoint && {
        ...endpoint,
        weight: weightOf(metadata?.['weight']),
        version: raw['version'],
        metadata: without(metadata, ['weight']),
      }
    );
  },
};

function grpcEndpoint(endpoints: unknown): { readonly address: string; readonly secure: boolean } | undefined {
  for (const endpoint of Array.isArray(endpoints) ? (endpoints as unknown[]) : []) {
    const [, scheme, address, query] = /^(grpcs?):\/\/([^/?#]+)[^?#]*(?:\?([^#]*))?/.exec(String(endpoint)) ?? [];
    if (address !== undefined) return { address, secure: scheme === 'grpcs' || isTrue(query) };
  }
  return undefined;
}

function isTrue(query: string | undefined): boolean {
  return new URLSearchParams(query).get('isSecure') === 'true';
}
