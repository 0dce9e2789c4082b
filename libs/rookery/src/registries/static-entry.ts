import { RookeryError, show } from '../core/errors.js';
import { INSTANCE_KEYS } from '../core/instance-keys.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import { checkName, createInstance, type InstanceOptions, type ServiceInstance } from '../core/instance.js';

/** One instance of a list. */
export interface StaticEntry extends InstanceOptions {
  /** The name that clients dial. */
  readonly service: string;
  /** `host:port`, `[v6]:port` or `unix:path`. */
  readonly address: string;
  /** Unique within its service; default: made from the address. */
  readonly id?: string;
  /** The instance speaks TLS; default false. */
  readonly secure?: boolean;
  /** The version of our peer protocol that it speaks; default 0: foreign, and not verified. */
  readonly peer?: number;
}

export const STATIC_KEYS: KeysOf<StaticEntry> = {
  service: true,
  address: true,
  id: true,
  secure: true,
  peer: true,
  ...INSTANCE_KEYS,
};

/**
 * The instance that an entry of code describes.
 * @param taken the instances of its service by id, so far
 * @throws {RookeryError} the code of the first field that is wrong, or that does not exist
 */
export function readStaticEntry(
  entry: StaticEntry,
  taken: ReadonlyMap<string, unknown>,
  path: string,
): ServiceInstance {
  checkKeys(entry, STATIC_KEYS, path);
  checkName(entry.service, `${path}.service`);
  if (entry.secure !== undefined && typeof entry.secure !== 'boolean')
    throw invalid(`${path}.secure`, entry.secure, 'Use true or false.');
  if (entry.peer !== undefined && !(Number.isInteger(entry.peer) && entry.peer >= 0))
    throw invalid(`${path}.peer`, entry.peer, 'Use 1, or 0 for a server that is not one of Rookery.');
  const id = idOf(entry, taken, path);
  return createInstance({ ...entry, id }, path);
}

/** The id that was given, or else one made from the address, with a number where several entries share an address. */
function idOf({ id, address }: StaticEntry, taken: ReadonlyMap<string, unknown>, path: string): string {
  if (id !== undefined) {
    if (!taken.has(checkName(id, `${path}.id`))) return id;
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: `${path}.id`,
      found: `found "${id}" for the second time.`,
      remedy: 'Give every instance of a service its own id, or leave the ids out.',
    });
  }
  const safe = String(address)
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(-55)
    .replace(/^[^A-Za-z0-9]+/, '');
  return taken.has(safe) ? numbered(safe, taken) : safe;
}

/** With a number that is free: the first one, where none was given by hand. By halving, since a list may be of one address. */
function numbered(name: string, taken: ReadonlyMap<string, unknown>): string {
  let [low, high] = [1, 2];
  while (taken.has(`${name}-${high}`)) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (taken.has(`${name}-${middle}`)) low = middle;
    else high = middle;
  }
  return `${name}-${high}`;
}

function invalid(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
