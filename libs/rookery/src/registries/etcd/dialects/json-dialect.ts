import { createInstance, type InstanceInit, type ServiceInstance } from '../../../core/instance.js';
import { OPERATOR_FIELDS, readPins, type Entry } from '../../entry/entry.js';
import {
  bare,
  isObject,
  parseObject,
  readValue,
  typed,
  oneOf,
  writable,
  wrong,
  type JsonObject,
} from '../../entry/json-value.js';
import type { Wanted } from '../../entry/wanted.js';
import { idBeside, type Dialect, type DialectName, type DialectTraits } from './dialect.js';
import { beyond, merged } from './overlay.js';
import { folderOf } from './prefix.js';

/** The fields of an instance that a value may say in its framework's own words. */
type Said = 'weight' | 'group' | 'status' | 'secure' | 'zone' | 'version' | 'metadata';

/** What a framework's own fields say of an instance, unchecked. */
export type ForeignInstance = { readonly address: unknown } & { readonly [field in Said]?: unknown };

/** The words of a framework whose values are JSON objects. */
export interface JsonFormat {
  readonly name: DialectName;
  /** What its keys start with when nobody says otherwise; `<service>` stands for the name. */
  readonly prefix: string;
  readonly traits: Omit<DialectTraits, 'drains' | 'room'>;
  /** What its own fields say; the rest stands beside them, where only Rookery looks. */
  readonly says: readonly Said[];
  /** The last part of an entry's key. */
  suffix(instance: ServiceInstance): string;
  write(instance: ServiceInstance, prefix: string): JsonObject;
  /** @returns nothing where the entry is of something that does not speak gRPC */
  read(raw: JsonObject): ForeignInstance | undefined;
}

/** Where our own fields stand in a foreign value: no framework knows the name, and each ignores what it does not know. */
const BESIDE = 'rookery';
const SAID: readonly Said[] = ['weight', 'group', 'status', 'secure', 'zone', 'version', 'metadata'];

export class JsonDialect implements Dialect {
  readonly name: DialectName;
  readonly traits: DialectTraits;

  constructor(
    private readonly format: JsonFormat,
    readonly prefix: string,
  ) {
    this.name = format.name;
    this.traits = { ...format.traits, drains: false, room: true };
  }

  folders(service: string): readonly [string] {
    return [folderOf(this.prefix, service)];
  }

  entryKey(instance: ServiceInstance): string {
    return this.folders(instance.service)[0] + this.format.suffix(instance);
  }

  encode(wanted: Wanted): string {
    return JSON.stringify(merged(this.#fields(wanted), wanted.extra));
  }

  decode(key: string, service: string, id: string, value: Buffer): Entry | undefined {
    return readValue(key, value, (text) => {
      const raw = parseObject(key, text);
      const said = this.format.read(raw);
      return said && this.#read(raw, said, service, id);
    });
  }

  #fields(wanted: Pick<Wanted, 'instance' | 'pinned'>): JsonObject {
    return { ...this.format.write(wanted.instance, this.prefix), [BESIDE]: this.#beside(wanted) };
  }

  #beside({ instance, pinned }: Pick<Wanted, 'instance' | 'pinned'>): JsonObject {
    const { id, generation: gen, peer } = instance;
    const rest = SAID.filter((field) => !this.format.says.includes(field) && instance[field] !== undefined);
    return { v: 1, id, gen, peer, pinned, ...Object.fromEntries(rest.map((field) => [field, instance[field]])) };
  }

  #read(raw: JsonObject, said: ForeignInstance, service: string, id: string): Entry {
    const { address } = said;
    if (typeof address !== 'string' || address.startsWith('unix:')) throw wrong('address', address, 'Use host:port.');
    const beside = isObject(raw[BESIDE]) ? bare(raw[BESIDE]) : bare({});
    const own = (field: Said) => (this.format.says.includes(field) ? said[field] : beside[field]) ?? undefined;
    const init: Partial<Record<keyof ServiceInstance, unknown>> = {
      ...Object.fromEntries(SAID.map((field) => [field, own(field)])),
      id: idBeside(beside) ?? id,
      service,
      address,
      zone: own('zone') || undefined,
      version: own('version') || undefined,
      status: oneOf({ status: own('status') }, 'status', [undefined, 'up', 'draining']),
      secure: typed({ secure: own('secure') }, 'secure', 'boolean'),
      generation: typed(beside, 'gen', 'string'),
      peer: typed(beside, 'peer', 'number'),
    };
    const instance = createInstance(init as unknown as InstanceInit, 'value');
    const pinned = readPins(beside['pinned']);
    const operators = OPERATOR_FIELDS.filter((field) => own(field === 'meta' ? 'metadata' : field) !== undefined);
    return {
      instance,
      pinned,
      present: new Set(operators),
      extra: writable(beyond(raw, this.#fields({ instance, pinned }))),
    };
  }
}
