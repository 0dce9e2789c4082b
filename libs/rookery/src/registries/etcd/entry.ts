import { reasonOf, RookeryError, show } from '../../core/errors.js';
import { createInstance, UNGROUPED, type InstanceInit, type ServiceInstance } from '../../core/instance.js';

/** The fields of a value that operators may change, and that `pinned` may list. */
export const OPERATOR_FIELDS = ['weight', 'group', 'status', 'meta'] as const;
export type OperatorField = (typeof OPERATOR_FIELDS)[number];

/** What the value of a key says. */
export interface Entry {
  readonly instance: ServiceInstance;
  /** What an operator set, so that the owner leaves it alone. */
  readonly pinned: readonly OperatorField[];
  /** Which of the operator's fields the value has at all. */
  readonly present: ReadonlySet<OperatorField>;
  /** Fields that we do not know: writers keep them. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A longer value is bad data, bytes. */
export const MAX_VALUE_BYTES = 65_536;

const FOREIGN_FIELDS = ['op', 'addr', 'metadata'];
const OUR_FIELDS = 'v gen service weight group status peer secure zone version pinned meta'.split(' ');

/**
 * The value of an entry: etcd's own gRPC naming format, with our fields beside it. `Metadata` stays null, since older
 * Go clients panic on an object there (etcd#19700).
 */
export function encodeEntry({ instance, pinned, extra }: Pick<Entry, 'instance' | 'pinned' | 'extra'>): string {
  const { address, generation, service, weight, group, status, peer, secure, zone, version, metadata } = instance;
  return JSON.stringify({
    Op: 0,
    Addr: address,
    Metadata: null,
    v: 1,
    gen: generation,
    service,
    weight,
    group,
    status,
    peer,
    secure,
    ...(zone !== undefined && { zone }),
    ...(version !== undefined && { version }),
    pinned,
    meta: metadata,
    ...extra,
  });
}

/**
 * Reads a value, ours or a foreign one: without our fields it is an ungrouped instance of weight 100.
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
 */
export function decodeEntry(key: string, service: string, id: string, value: Buffer): Entry {
  try {
    if (value.length > MAX_VALUE_BYTES) throw malformed(key, `found a value of ${value.length} bytes.`);
    return read(service, id, parseObject(key, value.toString()));
  } catch (error) {
    if (error instanceof RookeryError && error.code === 'ROOKERY_ENTRY_MALFORMED') throw error;
    const found = `found ${show(value.toString('utf8', 0, 200))}.`;
    // Where a field is wrong, the text may end before it does.
    throw malformed(key, error instanceof RookeryError ? asWritten(reasonOf(error)) : found, error);
  }
}

/** Without a prototype, so that no field of the registry's can pass for one of an object. */
function parseObject(key: string, text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(key, `found ${show(value)}.`);
  return Object.assign(Object.create(null) as Record<string, unknown>, value);
}

function read(service: string, id: string, raw: Record<string, unknown>): Entry {
  const address = foreign(raw, 'Addr');
  if (typeof address !== 'string' || address.startsWith('unix:')) throw wrong('Addr', address, 'Use host:port.');
  const init: Partial<Record<keyof ServiceInstance, unknown>> = {
    id,
    service,
    address,
    group: raw['group'] ?? UNGROUPED,
    weight: raw['weight'],
    status: oneOf(raw, 'status', [undefined, 'up', 'draining']),
    generation: typed(raw, 'gen', 'string'),
    peer: typed(raw, 'peer', 'number'),
    secure: typed(raw, 'secure', 'boolean'),
    zone: raw['zone'] || undefined,
    version: raw['version'] || undefined,
    metadata: raw['meta'] ?? foreignMetadata(raw),
  };
  return {
    instance: createInstance(init as unknown as InstanceInit, 'value'),
    pinned: Array.isArray(raw['pinned'])
      ? OPERATOR_FIELDS.filter((field) => (raw['pinned'] as unknown[]).includes(field))
      : [],
    present: new Set(OPERATOR_FIELDS.filter((field) => raw[field] !== undefined && raw[field] !== null)),
    extra: writable(unknownFields(raw)),
  };
}

/** A field of the foreign format, in any case, as Go reads it. */
function foreign(raw: Record<string, unknown>, name: string): unknown {
  if (raw[name] !== undefined) return raw[name];
  return raw[Object.keys(raw).find((field) => field.toLowerCase() === name.toLowerCase()) ?? name];
}

function foreignMetadata(raw: Record<string, unknown>): Record<string, string> | undefined {
  const value = foreign(raw, 'Metadata');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const flat = Object.entries(value).filter(([, item]) => ['string', 'number', 'boolean'].includes(typeof item));
  return Object.assign(Object.create(null), Object.fromEntries(flat.map(([name, item]) => [name, String(item)])));
}

/** What can be read can be nested too deeply to be written again. */
function writable(fields: Record<string, unknown>): Record<string, unknown> {
  JSON.stringify(fields);
  return fields;
}

function unknownFields(raw: Record<string, unknown>): Record<string, unknown> {
  const rest = Object.entries(raw).filter(
    ([field]) => !OUR_FIELDS.includes(field) && !FOREIGN_FIELDS.includes(field.toLowerCase()),
  );
  return Object.assign(Object.create(null), Object.fromEntries(rest));
}

function typed(raw: Record<string, unknown>, field: string, type: string): unknown {
  const value = raw[field] ?? undefined;
  if (value === undefined || typeof value === type) return value;
  throw wrong(field, value, `Use a ${type}.`);
}

function oneOf(raw: Record<string, unknown>, field: string, allowed: readonly unknown[]): unknown {
  const value = raw[field] ?? undefined;
  if (allowed.includes(value)) return value;
  throw wrong(field, value, `Use ${allowed.filter(Boolean).map(show).join(' or ')}.`);
}

/** Two fields have other names in a value than in an instance. */
function asWritten(reason: string): string {
  return reason.replace(/^value\.address/, 'value.Addr').replace(/^value\.metadata/, 'value.meta');
}

function wrong(field: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path: `value.${field}`, found: `found ${show(value)}.`, remedy });
}

function malformed(key: string, found: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_ENTRY_MALFORMED', {
    path: key,
    found,
    remedy: 'The last good value stays.',
    ...(cause !== undefined && { cause }),
  });
}
