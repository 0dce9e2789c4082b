import type { Endpoint } from './endpoint.js';
import { GroupPool } from './group-pool.js';
import { ANY_GROUP } from './instance.js';
import type { PickerFactory } from './picker.js';
import type { Random } from './time.js';

/** What the pools of groups tell of those that they have set aside. */
export interface PoolsListener {
  readonly overfull: (pool: GroupPool) => void;
  readonly panicked: (group: string, endpoints: number) => void;
}

/** The endpoints of a service by group, and all of them as one pool where a call asks for any. */
export class GroupPools {
  readonly #pools = new Map<string, GroupPool>();
  readonly #groupOf = new Map<Endpoint, string>();
  /** Everything by plain weight; made when the first call asks for it. */
  #all: GroupPool | undefined;

  constructor(
    private readonly picker: PickerFactory,
    private readonly random: Random,
    private readonly listener?: PoolsListener,
  ) {}

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
      this.#all = new GroupPool(this.picker, this.random);
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
    return pool.place(endpoint) || moved;
  }

  remove(endpoint: Endpoint): void {
    this.#leave(endpoint);
    this.#all?.remove(endpoint);
  }

  #make(group: string): GroupPool {
    const { picker, random, listener } = this;
    if (!listener) return new GroupPool(picker, random);
    const { overfull, panicked } = listener;
    return new GroupPool(picker, random, { overfull, panicked: (endpoints) => panicked(group, endpoints) });
  }

  #leave(endpoint: Endpoint): void {
    const group = this.#groupOf.get(endpoint);
    if (group === undefined) return;
    this.#groupOf.delete(endpoint);
    const pool = this.#pools.get(group);
    pool?.remove(endpoint);
    if (pool?.size === 0) this.#pools.delete(group);
  }
}
