import type { ServiceDelta } from './change.js';
import type { CoarseClock } from './coarse-clock.js';
import { Endpoint, type Connection, type EndpointState } from './endpoint.js';
import type { GroupPools } from './group-pools.js';
import type { ServiceInstance } from './instance.js';
import { Quarantine } from './quarantine.js';
import { Subset } from './subset.js';
import type { Random, Time } from './time.js';

export interface EndpointTableOptions {
  readonly time: Time;
  readonly clock: CoarseClock;
  readonly random: Random;
  readonly quarantineMs: number;
  /** To how many of each group it connects; Infinity = all. */
  readonly subset: number;
  /** Opens the connection of an endpoint. */
  readonly connect: (endpoint: Endpoint) => Connection;
  /** Where they are counted. */
  readonly pools: GroupPools;
  /** It is new, or another process stands behind its address than `before`; it is placed anew after that. */
  readonly onJoin: (endpoint: Endpoint, before?: ServiceInstance) => void;
  /** It is closed, and in no pool any more. */
  readonly onDrop: (endpoint: Endpoint) => void;
  /** It was idle, and is being connected. */
  readonly onConnect: (endpoint: Endpoint) => void;
  /** Its connection is closed, since there are enough others; it is idle. */
  readonly onIdle: (endpoint: Endpoint, previous: EndpointState) => void;
}

/** The endpoints of a service: one for each address, made of what the registry says of instances, and kept while lost. */
export class EndpointTable {
  readonly #endpoints = new Map<string, Endpoint>();
  /** Which address an instance stood at last. */
  readonly #addresses = new Map<string, string>();
  readonly #quarantine: Quarantine;
  readonly #subset: Subset;

  constructor(private readonly options: EndpointTableOptions) {
    const { time, quarantineMs: ms, pools } = options;
    this.#quarantine = new Quarantine({
      time,
      ms,
      place: (endpoint) => pools.place(endpoint),
      hasOther: ({ instance }) => (pools.get(instance.group)?.registered ?? 0) > 0,
      end: (endpoint) => void this.endHold(endpoint),
    });
    this.#subset = new Subset({
      time,
      size: options.subset,
      seed: Math.floor(options.random() * 2 ** 32),
      connect: (endpoint) => this.#connect(endpoint),
      letGo: (endpoint) => this.#letGo(endpoint),
      rest: (endpoint) => endpoint.rest(),
    });
    pools.follower = this.#subset;
  }

  get size(): number {
    return this.#endpoints.size;
  }

  values(): IterableIterator<Endpoint> {
    return this.#endpoints.values();
  }

  setAll(instances: Iterable<ServiceInstance>): void {
    this.#subset.batch(() => {
      for (const instance of instances) this.#set(instance);
    });
  }

  /** @returns how many instances are lost, and kept */
  follow(deltas: readonly ServiceDelta[]): number {
    let kept = 0;
    this.#subset.batch(() => (kept = this.#follow(deltas)));
    return kept;
  }

  #follow(deltas: readonly ServiceDelta[]): number {
    const lost = new Map<Endpoint, string>();
    for (const delta of deltas) {
      if (delta.type === 'removed') this.#remove(delta, lost);
      else if (delta.type !== 'route') this.#found(this.#set(delta.instance), delta.instance.id, lost);
    }
    const kept = [...lost.keys()].filter((endpoint) => this.#endpoints.get(endpoint.address) === endpoint);
    if (kept.length > 0) this.#quarantine.hold(kept);
    return kept.length;
  }

  #set(instance: ServiceInstance): Endpoint {
    const before = this.#addresses.get(instance.id);
    if (before !== undefined && before !== instance.address) this.#delete(instance.id);
    this.#addresses.set(instance.id, instance.address);
    const known = this.#endpoints.get(instance.address);
    if (known) return this.#update(known, instance);
    const added = new Endpoint(instance, this.options.clock);
    this.#endpoints.set(instance.address, added);
    this.options.onJoin(added);
    this.options.pools.place(added);
    return added;
  }

  drop(endpoint: Endpoint): void {
    const { id, address } = endpoint.instance;
    this.#endpoints.delete(address);
    if (this.#addresses.get(id) === address) this.#addresses.delete(id);
    this.#quarantine.release(endpoint);
    this.options.pools.remove(endpoint);
    endpoint.connection?.close();
    this.options.onDrop(endpoint);
  }

  /**
   * The entry that was lost counts no more; another one of the address may.
   * @returns whether there is none, and the endpoint is closed
   */
  endHold(endpoint: Endpoint): boolean {
    this.#quarantine.release(endpoint);
    this.#delete(endpoint.instance.id);
    return this.#endpoints.get(endpoint.address) !== endpoint;
  }

  close(): void {
    this.options.pools.follower = undefined;
    this.#subset.close();
    for (const endpoint of this.#endpoints.values()) this.drop(endpoint);
    this.#quarantine.close();
  }

  #connect(endpoint: Endpoint): void {
    const idle = endpoint.state === 'idle';
    if (idle) endpoint.state = 'connecting';
    endpoint.connection = this.options.connect(endpoint);
    this.options.pools.place(endpoint);
    // Last: whoever hears of it may close everything.
    if (idle) this.options.onConnect(endpoint);
  }

  #letGo(endpoint: Endpoint): void {
    // What the registry has lost is not connected to again.
    if (endpoint.quarantined && this.endHold(endpoint)) return;
    const { state } = endpoint;
    endpoint.disconnect();
    this.options.pools.place(endpoint);
    this.options.onIdle(endpoint, state);
  }

  #remove({ instance: { id }, cause }: ServiceDelta & { readonly type: 'removed' }, lost: Map<Endpoint, string>): void {
    const endpoint = this.#endpoints.get(this.#addresses.get(id) ?? '');
    // Where it is the one behind the address, and the connection to it holds.
    if (cause === 'lost' && endpoint?.instance.id === id && endpoint.connected) lost.set(endpoint, id);
    else this.#delete(id);
  }

  /** Whoever was lost there in the same answer is back, or somebody else has come. */
  #found(endpoint: Endpoint, id: string, lost: Map<Endpoint, string>): void {
    const before = lost.get(endpoint);
    if (before === undefined) return;
    lost.delete(endpoint);
    if (before !== id) this.#forget(endpoint, before);
  }

  #update(endpoint: Endpoint, instance: ServiceInstance): Endpoint {
    const before = endpoint.instance;
    const held = endpoint.quarantined;
    // First: its connection may be made anew for what has changed, and what is held ends with its connection.
    if (held) this.#quarantine.release(endpoint);
    endpoint.set(instance);
    this.#instanceChanged(endpoint, before);
    if (held) {
      if (before.id !== instance.id) this.#forget(endpoint, before.id);
      this.options.pools.place(endpoint);
    }
    return endpoint;
  }

  #forget(endpoint: Endpoint, id: string): void {
    const before = endpoint.instance;
    this.#addresses.delete(id);
    endpoint.delete(id);
    this.#instanceChanged(endpoint, before);
  }

  #delete(id: string): void {
    const address = this.#addresses.get(id);
    const endpoint = address === undefined ? undefined : this.#endpoints.get(address);
    if (!endpoint) return;
    this.#addresses.delete(id);
    const before = endpoint.instance;
    if (endpoint.delete(id)) return this.drop(endpoint);
    // Another entry of the address counts from here on, and that one is not lost.
    if (endpoint.instance !== before) this.#quarantine.release(endpoint);
    this.#instanceChanged(endpoint, before);
  }

  #instanceChanged(endpoint: Endpoint, before: ServiceInstance): void {
    const { instance } = endpoint;
    if (instance === before) return;
    if (instance.id !== before.id || instance.generation !== before.generation) {
      this.options.onJoin(endpoint, before);
      // Whatever failed there was another process: this one does not wait until it is its turn.
      if (!endpoint.connection) endpoint.state = 'idle';
    }
    endpoint.connection?.instanceChanged(before);
    this.options.pools.place(endpoint);
  }
}
