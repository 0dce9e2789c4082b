import { createHash } from 'node:crypto';
import { createInstance, type ServiceInstance } from '../../../core/instance.js';
import type { Entry } from '../../entry/entry.js';
import { readValue } from '../../entry/json-value.js';
import type { Wanted } from '../../entry/wanted.js';
import type { Dialect } from './dialect.js';
import { folderOf } from './prefix.js';

/**
 * go-zero's zrpc: `<Etcd.Key>/<id>`, a number, and the bare address as the value. Source: go-zero core/discov.
 */
export class GoZeroDialect implements Dialect {
  readonly name = 'go-zero';
  readonly traits = { weights: false, groups: false, zero: false, drains: false, room: false };

  constructor(readonly prefix: string) {}

  folders(service: string): readonly [string] {
    return [folderOf(this.prefix, service)];
  }

  entryKey(instance: ServiceInstance): string {
    return this.folders(instance.service)[0] + numberOf(instance);
  }

  encode({ instance }: Wanted): string {
    return instance.address;
  }

  decode(key: string, service: string, id: string, value: Buffer): Entry {
    return readValue(key, value, (text) => ({
      instance: createInstance({ id, service, address: text.trim() }, 'value'),
      pinned: [],
      present: new Set(),
      extra: {},
    }));
  }
}

/** go-zero takes the id of its lease; ours has to stay when the lease does not. Positive, of 63 bits, as Go has it. */
function numberOf({ id, generation }: ServiceInstance): string {
  const hash = createHash('sha256').update(`${generation}/${id}`).digest();
  return String(hash.readBigUInt64BE() >> 1n);
}
