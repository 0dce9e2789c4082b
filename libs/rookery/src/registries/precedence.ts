import { apply, type DeleteCause, type ServiceChange, type ServiceDelta, type ServiceState } from '../core/change.js';
import { sameInstance, type ServiceInstance } from '../core/instance.js';
import { sameRoute, type GroupRoute } from '../core/route.js';

/** What one source says, and which of its entries stand at an address. */
interface Source extends ServiceState {
  readonly addresses: Map<string, Set<string>>;
}

/**
 * One service, as several sources tell it: of entries that name the same instance, by id or by address, that of the
 * earlier source counts. Entries of one source never hide each other, and what hides need not be visible itself, so that
 * an entry is judged without asking about a third one. A change costs what stands at its id and its address.
 */
export class Precedence {
  readonly #sources: readonly Source[];
  readonly #visible = new Map<string, ServiceInstance>();
  #route: GroupRoute | undefined;

  /** @param sources how many there are; the first, 0, counts most */
  constructor(sources: number) {
    this.#sources = Array.from({ length: sources }, () => ({
      instances: new Map(),
      addresses: new Map(),
      route: undefined,
    }));
  }

  /**
   * Takes over what one source says, and returns what that changes for those who hear all of them: of each change first
   * what appears, then what goes, so that an address goes on while another entry takes it over. Who only has to make
   * room has `left`; a `reset` of a source becomes what it changes.
   */
  apply(source: number, changes: readonly ServiceChange[]): ServiceChange[] {
    return changes.flatMap((change) => this.#take(source, change));
  }

  /** Everything that is visible now: earlier sources first, oldest first within each, and the route. */
  reset(): ServiceChange {
    const instances = this.#sources.flatMap((source, i) =>
      [...source.instances.values()].filter(({ id }) => this.#visible.has(id) && this.#first(id) === i),
    );
    return { type: 'reset', instances, route: this.#route };
  }

  #take(source: number, change: ServiceChange): ServiceChange[] {
    /** Whom it may concern, and why each goes where it goes. */
    const touched = new Map<string, DeleteCause>();
    for (const delta of apply(this.#sources[source]!, change)) this.#touch(source, delta, touched);
    const appear: ServiceChange[] = [];
    const go: ServiceChange[] = [];
    for (const [id, cause] of touched) {
      const before = this.#visible.get(id);
      const instance = this.#shown(id);
      if (!instance) {
        if (this.#visible.delete(id)) go.push({ type: 'delete', id, cause });
        continue;
      }
      this.#visible.set(id, instance);
      if (!before || !sameInstance(before, instance)) appear.push({ type: 'set', instance });
    }
    return [...appear, ...go, ...this.#routed()];
  }

  #touch(source: number, delta: ServiceDelta, touched: Map<string, DeleteCause>): void {
    if (delta.type === 'route') return;
    const { instance } = delta;
    touched.set(instance.id, delta.type === 'removed' ? delta.cause : 'left');
    const before = delta.type === 'changed' ? delta.previous : delta.type === 'removed' ? instance : undefined;
    const after = delta.type === 'removed' ? undefined : instance;
    if (before?.address === after?.address) return;
    const { addresses } = this.#sources[source]!;
    if (before) forget(addresses, before);
    if (after) note(addresses, after);
    for (const later of this.#sources.slice(source + 1)) {
      for (const entry of [before, after]) {
        for (const id of (entry && later.addresses.get(entry.address)) ?? [])
          if (!touched.has(id)) touched.set(id, 'left');
      }
    }
  }

  /** The entry of the first source that has the id, unless an earlier one has its address. */
  #shown(id: string): ServiceInstance | undefined {
    const first = this.#first(id);
    const instance = this.#sources[first]?.instances.get(id);
    if (!instance) return undefined;
    for (let i = 0; i < first; i += 1) if (this.#sources[i]!.addresses.has(instance.address)) return undefined;
    return instance;
  }

  #first(id: string): number {
    return this.#sources.findIndex(({ instances }) => instances.has(id));
  }

  #routed(): ServiceChange[] {
    const route = this.#sources.find((source) => source.route !== undefined)?.route;
    if (sameRoute(this.#route, route)) return [];
    this.#route = route;
    return [{ type: 'route', route }];
  }
}

function note(addresses: Map<string, Set<string>>, { id, address }: ServiceInstance): void {
  const ids = addresses.get(address);
  if (ids) ids.add(id);
  else addresses.set(address, new Set([id]));
}

function forget(addresses: Map<string, Set<string>>, { id, address }: ServiceInstance): void {
  const ids = addresses.get(address);
  ids?.delete(id);
  if (ids?.size === 0) addresses.delete(address);
}
