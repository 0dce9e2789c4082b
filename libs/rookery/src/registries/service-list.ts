import { messageOf, RookeryError, show } from '../core/errors.js';
import { isName, type ServiceInstance } from '../core/instance.js';
import { nearest } from '../core/keys.js';
import { readStaticEntry, STATIC_KEYS, type StaticEntry } from './static-entry.js';

/** The services of a list that is kept outside of any process, such as a file. */
export interface ServiceList {
  /** By the name of the service, its instances by id, in the order of the text. */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, ServiceInstance>>;
  /** What could not be read: each alone, with its place, such as `services.json[3].weight`. At most 20. */
  readonly malformed: readonly RookeryError[];
}

export interface ServiceListOptions {
  /** What the list is called in errors, such as `services.json`. */
  readonly place: string;
  /** Whether `unix:` addresses are taken: only from those who are on this machine. */
  readonly unix: boolean;
  /** The list is of this service alone: entries need not name it, and may stand as `{ "instances": […] }`. */
  readonly service?: string | undefined;
  /** The list as it was before: what it said of an entry that cannot be read now stays. */
  readonly before?: ServiceList | undefined;
}

/** A list that is longer is not read, bytes. */
export const MAX_LIST_BYTES = 16 * 1024 * 1024;
/** One line is enough to find what generated a thousand bad entries. */
const MAX_TOLD = 20;

/**
 * Reads a list of services, JSON: either an array of entries, each with its `service`, or an object whose keys are
 * services and whose values are arrays of entries without `service`, or of `"host:port"`. An entry that cannot be read is
 * skipped alone, or stays as it was before; of fields that nobody knows, only those that look misspelt are told.
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED where the text as a whole is no such list
 */
export function parseServiceList(text: string, options: ServiceListOptions): ServiceList {
  const { place } = options;
  if (text.length > MAX_LIST_BYTES) throw tooLarge(place, text.length);
  let value: unknown;
  try {
    // Some editors begin a file with a byte order mark.
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw malformed(place, 'found text that is no JSON, or is cut off.', cause);
  }
  const reader = new ListReader(options);
  const { service } = options;
  if (service !== undefined) value = ofOneService(value, service, place);
  if (Array.isArray(value)) for (const [i, entry] of value.entries()) reader.entry(entry, `${place}[${i}]`);
  else if (typeof value === 'object' && value !== null)
    for (const [service, entries] of Object.entries(value)) reader.service(service, entries);
  else throw malformed(place, `found ${show(value)} instead of a list.`);
  return reader.list();
}

/** What an object that was asked for says of the service: an error in JSON says nothing of it. */
function ofOneService(value: unknown, service: string, place: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { instances } = value as { readonly instances?: unknown };
  if (Array.isArray(instances) && service !== 'instances') return instances;
  if (Object.hasOwn(value, service)) return { [service]: (value as Record<string, unknown>)[service] };
  if (Object.keys(value).length === 0) return value;
  throw malformed(place, `found an object without \`instances\` and without \`${service}\`.`);
}

/** A list that nobody would write by hand, or generate for a fleet of any size that is known. */
export function tooLarge(place: string, bytes: number): RookeryError {
  return malformed(place, `found ${bytes} bytes, which are more than ${MAX_LIST_BYTES}.`);
}

function malformed(path: string, found: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_ENTRY_MALFORMED', {
    path,
    found,
    remedy: 'The last good list stays.',
    ...(cause !== undefined && { cause }),
  });
}

class ListReader {
  readonly #services = new Map<string, Map<string, ServiceInstance>>();
  readonly #malformed: RookeryError[] = [];
  readonly #addresses = new Map<string, ReadonlyMap<string, ServiceInstance>>();
  #untold = 0;
  /** Something could be read, or stays as it was. */
  #understood = false;
  /** Something could not be read, and was never known. */
  #skipped: RookeryError | undefined;

  constructor(private readonly options: ServiceListOptions) {}

  /** Where everything is skipped, whoever wrote the text meant something else: that is not a list of nobody. */
  list(): ServiceList {
    const told = this.#malformed;
    if (!this.#understood && this.#skipped) {
      const { path, message } = this.#skipped;
      const [, reason] = /^\S+ at (.*) It is skipped\.$/s.exec(message) ?? [];
      throw malformed(this.options.place, `found nothing in it that can be read: ${reason ?? path}`, this.#skipped);
    }
    if (this.#untold > 0)
      told.push(
        entryMalformed(this.options.place, `and ${this.#untold} more that cannot be read.`, 'Correct them, too.'),
      );
    return { services: this.#services, malformed: told };
  }

  /** What an object says of one service. */
  service(service: string, entries: unknown): void {
    const place = `${this.options.place}.${service}`;
    if (Array.isArray(entries) && isName(service)) {
      const found = this.#instances(service);
      for (const [i, entry] of entries.entries()) this.#add(entry, service, `${place}[${i}]`, found);
      return;
    }
    const found = Array.isArray(entries)
      ? 'this is no name of a service.'
      : `found ${show(entries)} instead of a list.`;
    const before = this.options.before?.services.get(service);
    if (before) this.#services.set(service, new Map(before));
    this.#understood ||= before !== undefined;
    this.#tell(place, found, before !== undefined);
  }

  /** An entry that says itself which service it is of. */
  entry(entry: unknown, place: string): void {
    const service = (entry as Partial<StaticEntry> | null)?.service ?? this.options.service;
    if (typeof service === 'string' && isName(service)) this.#add(entry, service, place, this.#instances(service));
    else this.#tell(`${place}.service`, service === undefined ? 'it is missing.' : `found ${show(service)}.`, false);
  }

  #add(entry: unknown, service: string, place: string, found: Map<string, ServiceInstance>): void {
    const given = typeof entry === 'string' ? { address: entry } : entry;
    try {
      const known = { ...this.#known(given, place), service } as StaticEntry;
      const { service: own = service } = given as Partial<StaticEntry>;
      // A key such as `data`, around entries that name their services, is none itself.
      if (own !== service && own !== null)
        throw entryMalformed(
          `${place}.service`,
          `found ${show(own)} in the list of ${show(service)}.`,
          'Use one name.',
        );
      if (!this.options.unix && String(known.address).startsWith('unix:'))
        throw new RookeryError('ROOKERY_ADDRESS_INVALID', {
          path: `${place}.address`,
          found: `found ${show(known.address)}, a socket of this machine.`,
          remedy: 'Use host:port or [v6]:port.',
        });
      const instance = readStaticEntry(known, found, place);
      found.set(instance.id, instance);
      this.#understood = true;
    } catch (error) {
      const last = this.#last(given, service, found);
      if (last) found.set(last.id, last);
      this.#understood ||= last !== undefined;
      const { code, path = place } = error as RookeryError;
      this.#tell(path, messageOf(error).replace(`${code} at ${path}: `, ''), last !== undefined);
    }
  }

  /** The fields that exist; one that is misspelt is told, and left out alone. */
  #known(entry: unknown, place: string): object {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw entryMalformed(place, `found ${show(entry)}.`, 'Use an object with an address.');
    const known = Object.entries(entry).filter(([key]) => {
      if (Object.hasOwn(STATIC_KEYS, key)) return true;
      const near = nearest(Object.keys(STATIC_KEYS), key);
      if (near) this.#tell(`${place}.${key}`, `there is no such field. Did you mean \`${near}\`?`, undefined);
      return false;
    });
    return Object.fromEntries(known);
  }

  /** What the list said of this entry when it could be read: the one with its id or else, where it has none, its address. */
  #last(entry: unknown, service: string, found: ReadonlyMap<string, unknown>): ServiceInstance | undefined {
    const { id, address } = (entry ?? {}) as Partial<StaticEntry>;
    const before = this.options.before?.services.get(service);
    if (!before) return undefined;
    const same = id === undefined ? this.#byAddress(service, before).get(String(address)) : before.get(id);
    return same && !found.has(same.id) ? same : undefined;
  }

  /** The first one at each address; made once, since a list may be malformed from end to end. */
  #byAddress(service: string, before: ReadonlyMap<string, ServiceInstance>): ReadonlyMap<string, ServiceInstance> {
    let index = this.#addresses.get(service);
    if (!index) {
      index = new Map([...before.values()].toReversed().map((instance) => [instance.address, instance]));
      this.#addresses.set(service, index);
    }
    return index;
  }

  #instances(service: string): Map<string, ServiceInstance> {
    const instances = this.#services.get(service) ?? new Map<string, ServiceInstance>();
    this.#services.set(service, instances);
    return instances;
  }

  #tell(path: string, found: string, kept: boolean | undefined): void {
    const remedy = kept === undefined ? 'It is left out.' : kept ? 'The last good value stays.' : 'It is skipped.';
    const error = entryMalformed(path, found, remedy);
    if (kept === false) this.#skipped ??= error;
    if (this.#malformed.length >= MAX_TOLD) this.#untold += 1;
    else this.#malformed.push(error);
  }
}

function entryMalformed(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_ENTRY_MALFORMED', { path, found, remedy });
}
