import type { ICompare, IKeyValue, IRequestOp, IWatchRequest } from 'etcd3';
import type { KeyRange } from './layout.js';

/** How etcd's requests are written; keys are text. */

export const absent = (key: string): ICompare => ({ ...equal(key, 'Create'), create_revision: 0 });
export const unchanged = (key: string, modRevision: number): ICompare => ({
  ...equal(key, 'Mod'),
  mod_revision: modRevision,
});
export const leasedBy = (key: string, lease: string): ICompare => ({ ...equal(key, 'Lease'), lease });

function equal(key: string, target: 'Create' | 'Mod' | 'Lease'): ICompare {
  return { result: 'Equal', target, key: Buffer.from(key) };
}

export const put = (key: string, value: string, lease: string): IRequestOp => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value), lease },
});
export const remove = (key: string): IRequestOp => ({ request_delete_range: { key: Buffer.from(key) } });
export const get = (key: string): IRequestOp => ({ request_range: { key: Buffer.from(key) } });

/** etcd refuses transactions of more than 128 operations. */
export const MAX_OPERATIONS = 100;

/** At most `size` items each. */
export function chunks<T>(items: readonly T[], size = MAX_OPERATIONS): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** What stands at a key. Revisions fit into a number; ids of leases do not. */
export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  readonly modRevision: number;
  readonly createRevision: number;
  /** `'0'` where it has none. */
  readonly lease: string;
}

export function keyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value,
    modRevision: Number(kv.mod_revision),
    createRevision: Number(kv.create_revision),
    lease: kv.lease,
  };
}

export function rangeOf(range: Pick<KeyRange, 'key' | 'end'>): { key: Buffer; range_end?: Buffer } {
  return { key: Buffer.from(range.key), ...(range.end !== undefined && { range_end: Buffer.from(range.end) }) };
}

/** Watches a range from a revision on, that one included. */
export function watchFrom(range: Pick<KeyRange, 'key' | 'end'>, revision: number): IWatchRequest {
  return { create_request: { ...rangeOf(range), start_revision: revision } };
}
