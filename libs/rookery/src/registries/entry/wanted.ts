import { RookeryError } from '../../core/errors.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange } from '../../core/registration.js';
import { amendInstance, checkChange } from '../amend-instance.js';
import { OPERATOR_FIELDS, type Entry, type OperatorField } from './entry.js';
import { MAX_VALUE_BYTES } from './json-value.js';

/** An entry as it should stand: what its owner says, with what operators set since. */
export type Wanted = Pick<Entry, 'instance' | 'pinned' | 'extra'>;

const NAMES = { weight: 'weight', group: 'group', status: 'status', metadata: 'meta' } as const;

/** The owner's change, without the fields that an operator has pinned. */
export function amend(wanted: Wanted, change: InstanceChange): Wanted {
  const own = Object.entries(checkChange(change)).filter(([name]) => {
    const field: OperatorField | undefined = NAMES[name as keyof typeof NAMES];
    return field === undefined || !wanted.pinned.includes(field);
  });
  return own.length === 0 ? wanted : { ...wanted, instance: amendInstance(wanted.instance, Object.fromEntries(own)) };
}

/** What a value that somebody else wrote into our entry changes. */
export interface Edit {
  readonly wanted: Wanted;
  /** What an operator may change, and did. */
  readonly fields: readonly OperatorField[];
  /** Only the owner may say this, and somebody else did. */
  readonly spoilt: readonly string[];
}

/** Takes over what an operator may change of an entry that stood as `before`. */
export function adopt(wanted: Wanted, before: ServiceInstance, entry: Entry): Edit {
  const { instance, present } = entry;
  const fields = OPERATOR_FIELDS.filter((field) => present.has(field) && !same(field, before, instance));
  const spoilt = (['address', 'secure', 'peer', 'zone', 'version'] as const).filter(
    (field) => before[field] !== instance[field],
  );
  const change: InstanceChange = {
    ...(fields.includes('weight') && { weight: instance.weight }),
    ...(fields.includes('group') && { group: instance.group }),
    ...(fields.includes('status') && { status: instance.status }),
    ...(fields.includes('meta') && { metadata: instance.metadata }),
  };
  // Who rewrites nothing but the list of pins gives fields back to their owner.
  const kept = fields.length + spoilt.length === 0 ? entry.pinned : [...wanted.pinned, ...entry.pinned];
  const pinned = OPERATOR_FIELDS.filter((field) => kept.includes(field) || fields.includes(field));
  return {
    wanted: { instance: amendInstance(wanted.instance, change), pinned, extra: entry.extra },
    fields,
    spoilt,
  };
}

function same(field: OperatorField, a: ServiceInstance, b: ServiceInstance): boolean {
  if (field !== 'meta') return a[field] === b[field];
  const names = Object.keys(a.metadata);
  return (
    names.length === Object.keys(b.metadata).length && names.every((name) => a.metadata[name] === b.metadata[name])
  );
}

/** The entry as the last word of a stopping owner. */
export function leaving({ instance, ...rest }: Wanted): Wanted {
  return { ...rest, instance: { ...instance, status: 'draining' } };
}

/** What a new registration wants. */
export function initial(instance: ServiceInstance): Wanted {
  return { instance, pinned: [], extra: {} };
}

/** @throws {RookeryError} ROOKERY_METADATA_INVALID, where readers would take the value for bad data */
export function checkSize(wanted: Wanted, encode: (wanted: Wanted) => string): Wanted {
  const bytes = Buffer.byteLength(encode(wanted));
  if (bytes <= MAX_VALUE_BYTES) return wanted;
  throw new RookeryError('ROOKERY_METADATA_INVALID', {
    path: 'instance.metadata',
    found: `the entry has ${bytes} bytes.`,
    remedy: `Keep it below ${MAX_VALUE_BYTES}.`,
  });
}
