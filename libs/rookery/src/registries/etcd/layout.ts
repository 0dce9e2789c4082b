import { UNGROUPED } from '../../core/instance.js';

/** The kinds of keys of a service. Foreign clients see `services` only, since they cannot honour groups. */
export type KeyKind = 'services' | 'groups' | 'routes';

export interface KeyRange {
  readonly kind: KeyKind;
  readonly key: string;
  /** The first key behind the range; absent where it is one key. */
  readonly end?: string;
}

/** Which key an entry has (docs/reference/etcd-layout.md). */
export class Layout {
  constructor(private readonly prefix: string) {}

  entryKey(instance: { readonly service: string; readonly id: string; readonly group: string }): string {
    const kind = instance.group === UNGROUPED ? 'services' : 'groups';
    return `${this.prefix}/${kind}/${instance.service}/${instance.id}`;
  }

  routeKey(service: string): string {
    return `${this.prefix}/routes/${service}`;
  }

  /** Everything that is stored of a service. */
  ranges(service: string): readonly [KeyRange, KeyRange, KeyRange] {
    const under = (kind: KeyKind): KeyRange => {
      const path = `${this.prefix}/${kind}/${service}`;
      // "0" is the character after "/".
      return { kind, key: `${path}/`, end: `${path}0` };
    };
    return [under('services'), under('groups'), { kind: 'routes', key: this.routeKey(service) }];
  }

  /** What a key says: its kind, and the id, which may have slashes where it is foreign. */
  parse(service: string, key: string): { readonly kind: KeyKind; readonly id: string } | undefined {
    for (const { kind, key: start, end } of this.ranges(service)) {
      if (end === undefined ? key === start : key.startsWith(start)) return { kind, id: key.slice(start.length) };
    }
    return undefined;
  }

  /** Where the same instance would stand if it had a group, or had none. */
  twin(service: string, key: string): string | undefined {
    const [services, groups] = this.ranges(service);
    if (key.startsWith(services.key)) return groups.key + key.slice(services.key.length);
    return key.startsWith(groups.key) ? services.key + key.slice(groups.key.length) : undefined;
  }
}
