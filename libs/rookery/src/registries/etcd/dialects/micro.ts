import { caseless } from '../../entry/json-value.js';
import { weightOf } from './foreign-fields.js';
import type { JsonFormat } from './json-dialect.js';

const UNSAID_WEIGHT = 1;

/** The small frameworks that Go teams write themselves: `/micro/<name>/<address>`, a struct without tags. */
export const MICRO: JsonFormat = {
  name: 'micro',
  prefix: '/micro/<service>',
  traits: { weights: true, groups: true, zero: false },
  says: ['weight', 'group'],
  suffix: ({ address }) => address,
  write: ({ service, address, weight, group }) => ({ Name: service, Address: address, Weight: weight, Group: group }),
  read: (raw) => ({
    address: caseless(raw, 'Address'),
    // What Go writes where nobody has said any; it counts as little as can be.
    weight: weightOf(caseless(raw, 'Weight')) || UNSAID_WEIGHT,
    group: caseless(raw, 'Group') ?? '',
  }),
};
