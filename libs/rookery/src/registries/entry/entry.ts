import { createInstance, UNGROUPED, type InstanceInit, type ServiceInstance } from '../../core/instance.js';
import {
  bare,
  caseless,
  flatTexts,
  oneOf,
  parseObject,
  readValue,
  typed,
  writable,
  wrong,
  type JsonObject,
} from './json-value.js';

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

/** Two fields have other names in a value than in an instance. */
const WRITTEN = { address: 'Addr', metadata: 'meta' };

/**
 * Reads a value, ours or a foreign one: without our fields it is an ungrouped instance of weight 100.
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
 */
export function decodeEntry(key: string, service: string, id: string, value: Buffer): Entry {
  return readValue(key, value, (text) => read(service, id, parseObject(key, text)), WRITTEN);
}

function read(service: string, id: string, raw: JsonObject): Entry {
  const address = caseless(raw, 'Addr');
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
    metadata: raw['meta'] ?? flatTexts(caseless(raw, 'Metadata')),
  };
  return {
    instance: createInstance(init as unknown as InstanceInit, 'value'),
    pinned: readPins(raw['pinned']),
    present: new Set(OPERATOR_FIELDS.filter((field) => raw[field] !== undefined && raw[field] !== null)),
    extra: writable(unknownFields(raw)),
  };
}

export function readPins(pinned: unknown): OperatorField[] {
  return Array.isArray(pinned) ? OPERATOR_FIELDS.filter((field) => (pinned as unknown[]).includes(field)) : [];
}

function unknownFields(raw: JsonObject): JsonObject {
  const rest = Object.entries(raw).filter(
    ([field]) => !OUR_FIELDS.includes(field) && !FOREIGN_FIELDS.includes(field.toLowerCase()),
  );
  return bare(Object.fromEntries(rest));
}
