import { UNGROUPED, type ServiceInstance } from '../../../core/instance.js';
import { decodeEntry, encodeEntry, type Entry } from '../../entry/entry.js';
import type { Wanted } from '../../entry/wanted.js';
import type { Dialect } from './dialect.js';

/** Our own layout (docs/reference/etcd-layout.md). Foreign clients see `services` only, since they cannot honour groups. */
export class RookeryDialect implements Dialect {
  readonly name = 'rookery';
  readonly traits = { weights: true, groups: true, zero: true, drains: true, room: true };

  constructor(readonly prefix: string) {}

  folders(service: string): readonly [string, string] {
    return [`${this.prefix}/services/${service}/`, `${this.prefix}/groups/${service}/`];
  }

  entryKey(instance: ServiceInstance): string {
    const [ungrouped, grouped] = this.folders(instance.service);
    return (instance.group === UNGROUPED ? ungrouped : grouped) + instance.id;
  }

  encode(wanted: Wanted): string {
    return encodeEntry(wanted);
  }

  decode(key: string, service: string, id: string, value: Buffer): Entry {
    return decodeEntry(key, service, id, value);
  }
}
