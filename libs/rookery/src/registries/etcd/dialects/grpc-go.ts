import type { ServiceInstance } from '../../../core/instance.js';
import { decodeEntry, encodeEntry, type Entry } from '../../entry/entry.js';
import type { Wanted } from '../../entry/wanted.js';
import { idBeside, type Dialect } from './dialect.js';
import { folderOf } from './prefix.js';

/**
 * A target of the official endpoints manager: `<target>/<address>`, dialled as `etcd:///<target>`. The value is that of our
 * own layout, of which Go reads `Op` and `Addr`.
 * Source: go.etcd.io/etcd/client/v3/naming/endpoints.
 */
export class GrpcGoDialect implements Dialect {
  readonly name = 'grpc-go';
  readonly traits = { weights: false, groups: false, zero: false, drains: false, room: true };

  constructor(readonly prefix: string) {}

  folders(service: string): readonly [string] {
    return [folderOf(this.prefix, service)];
  }

  entryKey(instance: ServiceInstance): string {
    return this.folders(instance.service)[0] + instance.address;
  }

  encode(wanted: Wanted): string {
    return encodeEntry({ ...wanted, extra: { ...wanted.extra, id: wanted.instance.id } });
  }

  decode(key: string, service: string, id: string, value: Buffer): Entry {
    const entry = decodeEntry(key, service, id, value);
    const own = idBeside({ id: entry.extra['id'], gen: entry.instance.generation });
    if (own === undefined) return entry;
    const { id: _id, ...extra } = entry.extra;
    return { ...entry, extra, instance: { ...entry.instance, id: own } };
  }
}
