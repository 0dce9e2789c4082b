import { UNGROUPED } from '../../core/instance.js';

/** Which path an entry has (docs/reference/registries.md, "zookeeper"): as in etcd, below a slash. */
export class Layout {
  constructor(private readonly prefix: string) {}

  entryPath(instance: { readonly service: string; readonly id: string; readonly group: string }): string {
    const [services, groups] = this.folders(instance.service);
    return `${instance.group === UNGROUPED ? services : groups}/${instance.id}`;
  }

  routePath(service: string): string {
    return `/${this.prefix}/routes/${service}`;
  }

  /** What the entries of a service are under: those without a group, and those with one. */
  folders(service: string): readonly [services: string, groups: string] {
    return [`/${this.prefix}/services/${service}`, `/${this.prefix}/groups/${service}`];
  }

  /** Where an entry can stand. */
  places(service: string, id: string): readonly [services: string, groups: string] {
    const [services, groups] = this.folders(service);
    return [`${services}/${id}`, `${groups}/${id}`];
  }

  /** The id of the entry at a path, where it is one of the service. */
  idOf(service: string, path: string): string | undefined {
    const folder = this.folders(service).find((one) => path.startsWith(`${one}/`));
    const id = folder && path.slice(folder.length + 1);
    return id && !id.includes('/') ? id : undefined;
  }
}
