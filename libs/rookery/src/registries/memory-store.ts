import type { ServiceInstance } from '../core/instance.js';
import { sameRoute, type GroupRoute } from '../core/route.js';
import type { ChangeBatch, ChangeQueue } from './change-queue.js';

/** Who holds, or waits for, the key of an entry. */
export interface Claimant {
  readonly instance: ServiceInstance;
  /** Somebody else registered under the same service and id; the latest one counts. */
  supersede(): void;
  /** The key is free again. */
  regain(): void;
}

interface ServiceEntries {
  /** Oldest first. */
  readonly instances: Map<string, ServiceInstance>;
  /** Per id, the claimant that counts last. */
  readonly claims: Map<string, Claimant[]>;
  readonly watchers: Set<ChangeQueue>;
  route: GroupRoute | undefined;
}

/** What several handles of a memory registry share: the entries and who watches them. */
export class MemoryStore {
  readonly #services = new Map<string, ServiceEntries>();

  claim(claimant: Claimant): void {
    const { claims } = this.#entries(claimant.instance.service);
    const holders = claims.get(claimant.instance.id) ?? [];
    claims.set(claimant.instance.id, holders);
    holders.at(-1)?.supersede();
    holders.push(claimant);
    this.write(claimant);
  }

  /** Without effect while the claimant is superseded. */
  write(claimant: Claimant): void {
    const { service, id } = claimant.instance;
    const entries = this.#services.get(service);
    if (entries?.claims.get(id)?.at(-1) !== claimant) return;
    entries.instances.set(id, claimant.instance);
    tell(entries, [{ type: 'set', instance: claimant.instance }]);
  }

  release(claimant: Claimant): void {
    const { service, id } = claimant.instance;
    const entries = this.#services.get(service);
    const holders = entries?.claims.get(id);
    if (!entries || !holders) return;
    const held = holders.at(-1) === claimant;
    holders.splice(holders.indexOf(claimant), 1);
    if (!held) return;
    entries.instances.delete(id);
    tell(entries, [{ type: 'delete', id, cause: 'left' }]);
    const next = holders.at(-1);
    next?.regain();
    if (next) this.write(next);
    else entries.claims.delete(id);
    this.#tidy(service, entries);
  }

  watch(service: string, queue: ChangeQueue): Disposable {
    const entries = this.#entries(service);
    queue.push([{ type: 'reset', instances: [...entries.instances.values()], route: entries.route }]);
    entries.watchers.add(queue);
    return {
      [Symbol.dispose]: () => {
        entries.watchers.delete(queue);
        this.#tidy(service, entries);
      },
    };
  }

  setRoute(service: string, route: GroupRoute | undefined): void {
    const entries = this.#entries(service);
    if (!sameRoute(entries.route, route)) {
      entries.route = route;
      tell(entries, [{ type: 'route', route }]);
    }
    this.#tidy(service, entries);
  }

  #entries(service: string): ServiceEntries {
    let entries = this.#services.get(service);
    if (!entries) {
      entries = { instances: new Map(), claims: new Map(), watchers: new Set(), route: undefined };
      this.#services.set(service, entries);
    }
    return entries;
  }

  #tidy(service: string, { claims, watchers, route }: ServiceEntries): void {
    if (claims.size === 0 && watchers.size === 0 && route === undefined) this.#services.delete(service);
  }
}

function tell({ watchers }: ServiceEntries, batch: ChangeBatch): void {
  for (const watcher of watchers) watcher.push(batch);
}
