import { reasonOf, RookeryError, show } from '../../core/errors.js';
import { createInstance, type ServiceInstance } from '../../core/instance.js';
import type { ProcessIdentity } from './process-identity.js';

/** The largest file that counts as an entry, bytes. */
export const MAX_ENTRY_BYTES = 64 * 1024;

/** What an operator may change in the file of an entry; the owner puts everything else back. */
export const AMENDABLE = ['weight', 'group', 'status', 'metadata'] as const;

/** What the file of an instance holds. */
export interface LocalEntry {
  readonly instance: ServiceInstance;
  /** Fields that an operator set, which `update()` leaves alone. */
  readonly pinned: readonly string[];
  /** When it was first registered, ms since 1970, finer than a millisecond: puts the entries in order. */
  readonly since: number;
  /** Absent where somebody else's program wrote the file. */
  readonly owner?: ProcessIdentity;
}

/** Indented, since operators edit it by hand. */
export function encodeEntry({ instance, pinned, since, owner }: LocalEntry): string {
  return `${JSON.stringify({ v: 1, ...instance, pinned, since, owner }, null, 2)}\n`;
}

/**
 * Reads the text of a file. The service and the id are those of its place; unknown fields are ignored.
 * @param place the path of the file, for errors
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
 */
export function decodeEntry(text: string, service: string, id: string, place: string): LocalEntry {
  try {
    const value = asRecord(JSON.parse(text));
    const { address, generation, peer, secure, pinned, since } = value;
    const instance = createInstance(
      {
        ...value,
        service,
        id,
        address: address as string,
        generation: typeof generation === 'string' ? generation : '',
        peer: Number.isInteger(peer) ? (peer as number) : 0,
        secure: secure === true,
      },
      'value',
    );
    return {
      instance,
      pinned: Array.isArray(pinned) ? AMENDABLE.filter((field) => pinned.includes(field)) : [],
      since: typeof since === 'number' ? since : 0,
      ...ownerOf(value['owner']),
    };
  } catch (cause) {
    throw malformed(place, reasonOf(cause), cause);
  }
}

export function malformed(place: string, found: string, cause?: unknown): RookeryError {
  const remedy = 'It is skipped alone; the last good value stays.';
  return new RookeryError('ROOKERY_ENTRY_MALFORMED', { path: place, found, remedy, cause });
}

function ownerOf(value: unknown): { owner?: ProcessIdentity } {
  if (typeof value !== 'object' || value === null) return {};
  const { pid, ...texts } = value as Record<string, unknown>;
  if (!Number.isInteger(pid) || (pid as number) <= 0) return {};
  const text = (field: string) => (typeof texts[field] === 'string' ? texts[field] : '');
  return {
    owner: {
      pid: pid as number,
      start: text('start'),
      boot: text('boot'),
      pidNamespace: text('pidNamespace'),
      machine: text('machine'),
    },
  };
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`found ${show(value)}, where an object should be.`);
}
