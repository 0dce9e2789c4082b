import type { Endpoint } from './endpoint.js';
import { GroupPool, type PoolOptions } from './group-pool.js';
import { ANY_GROUP } from './instance.js';

export interface PoolsOptions extends Omit<PoolOptions, 'panicked' | 'counted'> {
  /** Nobody is left in a group but ejected ones, so many; calls go to them. */
  readonly panicked?: (group: string, endpoints: number) => void;
}

/** Hears of every endpoint that is placed or removed, once it is. */
export interface PoolFollower {
  placed(endpoint: Endpoint): void;
  removed(endpoint: Endpoint): void;
}

/** The endpoints of a service by group, and all of them as one pool where a call asks for any. */
export class GroupPools {
  readonly #pools = new Map<string, GroupPool>();
  readonly #groupOf = new Map<Endpoint, string>();
  /** Of all groups: there may be as many as endpoints, and every change asks. */
  usable = 0;
  hopeful = 0;
  /** Everything by plain weight; made when the first call asks for it. */
  #all: GroupPool | undefined;
  follower: PoolFollower | undefined;

  constructor(private readonly options: PoolsOptions) {}

  /** By group, without the pool of all. */
  groups(): ReadonlyMap<string, GroupPool> {
    return this.#pools;
  }

  has(endpoint: Endpoint): boolean {
    return this.#groupOf.has(endpoint);
  }

  get(group: string): GroupPool | undefined {
    if (group !== ANY_GROUP) return this.#pools.get(group);
    if (!this.#all) {
      // Each group tells of itself.
      const { picker, random, zone } = this.options;
      this.#all = new GroupPool({ picker, random, zone });
      for (const endpoint of this.#groupOf.keys()) this.#all.place(endpoint);
    }
    return this.#all;
  }

  /** Puts an endpoint where it belongs; says whether a waiting call could fare differently. */
  place(endpoint: Endpoint): boolean {
    const { group } = endpoint.instance;
    const moved = this.#groupOf.get(endpoint) !== group;
    if (moved) this.#leave(endpoint);
    this.#groupOf.set(endpoint, group);
    let pool = this.#pools.get(group);
    if (!pool) this.#pools.set(group, (pool = this.#make(group)));
    this.#all?.place(endpoint);
    const matters = pool.place(endpoint) || moved;
    // Whoever hears of a change may have dropped it by now.
    if (this.#groupOf.get(endpoint) === group) this.follower?.placed(endpoint);
    return matters;
  }

  remove(endpoint: Endpoint): void {
    this.#leave(endpoint);
    this.#all?.remove(endpoint);
    this.follower?.removed(endpoint);
  }

  #make(group: string): GroupPool {
    const { panicked, ...options } = this.options;
    return new GroupPool({
      ...options,
      ...(panicked && { panicked: (endpoints) => panicked(group, endpoints) }),
      // By each change as it is made: one may bring about others.
      counted: (usable, hopeful) => {
        this.usable += usable;
        this.hopeful += hopeful;
      },
    });
  }

  #leave(endpoint: Endpoint): void {
    const group = this.#groupOf.get(endpoint);
    if (group === undefined) return;
    this.#groupOf.delete(endpoint);
    const pool = this.#pools.get(group);
    if (!pool) return;
    pool.remove(endpoint);
    if (pool.size === 0) this.#pools.delete(group);
  }
}
