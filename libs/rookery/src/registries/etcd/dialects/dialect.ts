import { isName, UNGROUPED, type ServiceInstance } from '../../../core/instance.js';
import type { Entry } from '../../entry/entry.js';
import type { Wanted } from '../../entry/wanted.js';

export const DIALECT_NAMES = [
  'rookery',
  'grpc-go',
  'micro',
  'kratos',
  'go-zero',
  'jupiter',
  'kitex',
  'go-micro',
  'dubbo',
] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** What the clients of a framework make of an entry. */
export interface DialectTraits {
  /** They share calls by weight. */
  readonly weights: boolean;
  /** They leave instances of a group to those who ask for it; where they do not, they must not see any. */
  readonly groups: boolean;
  /** They leave an instance of weight 0 alone; where they do not, it must not stand there. */
  readonly zero: boolean;
  /** They leave an instance alone that says it is draining; where they do not, it must not stand there. */
  readonly drains: boolean;
  /** The value has room for what only Rookery reads: who it is, whether it leaves. */
  readonly room: boolean;
}

/** How a framework writes its instances into etcd: where an entry stands, and what stands in it. */
export interface Dialect {
  readonly name: DialectName;
  /** What its keys start with, `<service>` for the name; for `rookery`, that of the registry. */
  readonly prefix: string;
  readonly traits: DialectTraits;
  /** What the keys of a service's entries start with; each ends with a slash. */
  folders(service: string): readonly string[];
  entryKey(instance: ServiceInstance): string;
  encode(wanted: Wanted): string;
  /**
   * @param id what the key has behind its folder
   * @returns nothing where it is an entry, but not of something that speaks gRPC
   * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
   */
  decode(key: string, service: string, id: string, value: Buffer): Entry | undefined;
}

/** Whether an entry may stand where clients of the framework see it: whoever cannot leave it alone must not find it. */
export function isShown({ groups, zero, drains }: DialectTraits, instance: ServiceInstance): boolean {
  const { group, weight, status } = instance;
  return (groups || group === UNGROUPED) && (zero || weight > 0) && (drains || status === 'up');
}

/** The id that a Rookery server has left in a value whose key has none; others may mean something else by the field. */
export function idBeside({ id, gen }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof id === 'string' && isName(id) && typeof gen === 'string' && gen !== '' ? id : undefined;
}
