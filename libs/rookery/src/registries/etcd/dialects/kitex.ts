import { flatTexts } from '../../entry/json-value.js';
import { weightOf } from './foreign-fields.js';
import type { JsonFormat } from './json-dialect.js';

/** What Kitex makes of a weight that is not above 0. */
const UNSAID_WEIGHT = 10;

/**
 * Kitex with its etcd registry. Its clients make 10 of weight 0, and look every 5 s.
 * Source: kitex-contrib/registry-etcd.
 */
export const KITEX: JsonFormat = {
  name: 'kitex',
  prefix: 'kitex/registry-etcd/<service>',
  traits: { weights: true, groups: false, zero: false },
  says: ['weight', 'metadata'],
  suffix: ({ address }) => address,
  write: ({ address, weight, metadata }) => ({ network: 'tcp', address, weight, tags: metadata }),
  read: (raw) => {
    if (typeof raw['network'] === 'string' && !/^tcp[46]?$/.test(raw['network'])) return undefined;
    return {
      address: raw['address'],
      weight: weightOf(raw['weight']) || UNSAID_WEIGHT,
      metadata: flatTexts(raw['tags']),
    };
  },
};
