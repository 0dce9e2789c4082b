import { parseAddress } from './address.js';
import { RookeryError, show } from './errors.js';

/** Names the ungrouped instances in a list of groups. */
export const UNGROUPED = '';
/** Names every instance, whatever its group, in a list of groups: one pool by plain weight. */
export const ANY_GROUP = '*';
/** The share that an instance has when nobody says otherwise. */
export const DEFAULT_WEIGHT = 100;
export const MAX_WEIGHT = 10_000;
/** The version of our peer protocol (`rookery.v1.Peer`) that this code speaks. */
export const PEER_VERSION = 1;

export type InstanceStatus = 'up' | 'draining';

/** One running copy of a service, as the registry holds it. A value: never mutated. */
export interface ServiceInstance {
  /** Unique within its service; fresh per process start. */
  readonly id: string;
  /** What clients dial: `discovery:///<service>`. */
  readonly service: string;
  /** `host:port`, `[v6]:port` or `unix:path`. */
  readonly address: string;
  /** A traffic class; `''` is ungrouped. */
  readonly group: string;
  /** Share inside its group, 0…10000; 0 keeps its connection and gets no call. */
  readonly weight: number;
  readonly status: InstanceStatus;
  /** Random, for equality only: tells one start of a process from the next. */
  readonly generation: string;
  /** 0 = foreign; else the version of our peer protocol that it speaks. */
  readonly peer: number;
  readonly secure: boolean;
  readonly zone?: string;
  readonly version?: string;
  /** All the user's. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a user may say of an instance, by option, environment or decorator. */
export interface InstanceOptions {
  /** A traffic class of instances; default ungrouped. A call without a group reaches only ungrouped instances. */
  readonly group?: string;
  /** Share inside the group, 0…10000; default 100. */
  readonly weight?: number;
  readonly zone?: string;
  readonly version?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function isName(text: string): boolean {
  return NAME.test(text);
}

/**
 * A service, group or id of ours: a letter or digit, then up to 62 letters, digits, dots, underscores and hyphens.
 * @throws {RookeryError} ROOKERY_NAME_INVALID
 */
export function checkName(name: unknown, path: string): string {
  if (typeof name === 'string' && isName(name)) return name;
  throw new RookeryError('ROOKERY_NAME_INVALID', {
    path,
    found: `found ${show(name)}.`,
    remedy: 'Use 1 to 63 letters, digits, dots, underscores or hyphens, starting with a letter or digit.',
  });
}

/** @throws {RookeryError} ROOKERY_NAME_INVALID */
export function checkGroup(group: unknown, path: string): string {
  return group === UNGROUPED ? UNGROUPED : checkName(group, path);
}

/** @throws {RookeryError} ROOKERY_WEIGHT_INVALID */
export function checkWeight(weight: unknown, path: string): number {
  if (Number.isInteger(weight) && (weight as number) >= 0 && (weight as number) <= MAX_WEIGHT) return weight as number;
  throw new RookeryError('ROOKERY_WEIGHT_INVALID', {
    path,
    found: `found ${show(weight)}.`,
    remedy: `Use a whole number from 0 to ${MAX_WEIGHT}; 0 keeps the connection open and gets no call.`,
  });
}

/** @throws {RookeryError} ROOKERY_METADATA_INVALID */
export function checkMetadata(metadata: unknown, path: string): Readonly<Record<string, string>> {
  const copy: Record<string, string> = Object.create(null);
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) {
    const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
    if (!wrong) return Object.freeze(Object.assign(copy, metadata));
    path = `${path}.${wrong[0]}`;
    metadata = wrong[1];
  }
  throw new RookeryError('ROOKERY_METADATA_INVALID', {
    path,
    found: `found ${show(metadata)}.`,
    remedy: 'Use an object whose values are strings.',
  });
}

function checkLabel(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= 255) return value;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(value)}.`,
    remedy: 'Use a text of 1 to 255 characters.',
  });
}

/**
 * Checks what a user says of an instance, each field under `path`.
 * @throws {RookeryError} the code of the first field that is wrong
 */
export function checkInstanceOptions(options: InstanceOptions, path: string): InstanceOptions {
  return {
    ...(options.group !== undefined && { group: checkGroup(options.group, `${path}.group`) }),
    ...(options.weight !== undefined && { weight: checkWeight(options.weight, `${path}.weight`) }),
    ...(options.zone !== undefined && { zone: checkLabel(options.zone, `${path}.zone`) }),
    ...(options.version !== undefined && { version: checkLabel(options.version, `${path}.version`) }),
    ...(options.metadata !== undefined && { metadata: checkMetadata(options.metadata, `${path}.metadata`) }),
  };
}

export type InstanceInit = Pick<ServiceInstance, 'id' | 'service' | 'address'> & Partial<ServiceInstance>;

/**
 * Makes an instance from what is known of it; everything else gets its default (ungrouped, weight 100, up, foreign).
 * The service and the id are taken as they are, since those of foreign entries are opaque.
 * @throws {RookeryError} the code of the first field that is wrong
 */
export function createInstance(init: InstanceInit, path = 'instance'): ServiceInstance {
  parseAddress(init.address, `${path}.address`);
  const options = checkInstanceOptions(init, path);
  return Object.freeze({
    id: init.id,
    service: init.service,
    address: init.address,
    group: options.group ?? UNGROUPED,
    weight: options.weight ?? DEFAULT_WEIGHT,
    status: init.status === 'draining' ? 'draining' : 'up',
    generation: init.generation ?? '',
    peer: init.peer ?? 0,
    secure: init.secure ?? false,
    ...(options.zone !== undefined && { zone: options.zone }),
    ...(options.version !== undefined && { version: options.version }),
    metadata: options.metadata ?? checkMetadata({}, path),
  });
}

/** The same fields with the same values. */
export function sameInstance(a: ServiceInstance, b: ServiceInstance): boolean {
  if (a === b) return true;
  const flat = (
    [
      'id',
      'service',
      'address',
      'group',
      'weight',
      'status',
      'generation',
      'peer',
      'secure',
      'zone',
      'version',
    ] as const
  ).every((field) => a[field] === b[field]);
  const keys = Object.keys(a.metadata);
  return (
    flat && keys.length === Object.keys(b.metadata).length && keys.every((key) => a.metadata[key] === b.metadata[key])
  );
}

/** It may be given calls, as far as the registry knows. */
export function isServing(instance: ServiceInstance): boolean {
  return instance.status === 'up' && instance.weight > 0;
}
