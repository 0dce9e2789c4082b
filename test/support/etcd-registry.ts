import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type EtcdServer, eventually, startEtcd } from 'rookery/testing';
import {
  createInstance,
  type InstanceInit,
  type Registration,
  type Registry,
  type RookeryEvent,
  type ServiceChange,
  type ServiceInstance,
} from 'rookery/core';
import { etcd, type EtcdOptions } from 'rookery/etcd';

/** What stands at a key; the lease as etcdctl wants it. */
export interface Found {
  readonly lease: string;
  readonly value: string;
}

/** Follows a service as a directory does: whatever breaks, it watches again. */
export interface Follower {
  readonly batches: readonly (readonly ServiceChange[])[];
  readonly faults: readonly unknown[];
  /** Everything that it was told, or what came after the first so many changes. */
  changes(from?: number): ServiceChange[];
  stop(): Promise<void>;
}

export interface Connection {
  readonly registry: Registry;
  readonly events: readonly RookeryEvent[];
}

/** A real etcd for the specs of one file, and registries on it that end with each spec. */
export class EtcdBench {
  readonly #open = new Set<Registry>();
  #server: EtcdServer | undefined;

  constructor() {
    beforeAll(async () => {
      this.#server = await startEtcd();
    });
    afterEach(async () => {
      this.server.kill('SIGCONT');
      await this.closeAll();
    });
    afterAll(() => this.#server?.stop());
  }

  get server(): EtcdServer {
    if (!this.#server) throw new Error('etcd runs only while specs run');
    return this.#server;
  }

  connect(host = this.server.host, options: Partial<EtcdOptions> = {}): Connection {
    const registry = etcd({ hosts: host, ttlMs: 2000, ...options });
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    this.#open.add(registry);
    return { registry, events };
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((registry) => registry[Symbol.asyncDispose]()));
    this.#open.clear();
  }

  async find(key: string): Promise<Found | undefined> {
    // Ids of leases are above what JSON.parse can hold.
    const json = (await this.server.etcdctl('get', '-w', 'json', key)).replace(/"lease":(\d+)/, '"lease":"$1"');
    const kv = (JSON.parse(json) as { kvs?: { lease?: string; value: string }[] }).kvs?.[0];
    return kv && { lease: BigInt(kv.lease ?? 0).toString(16), value: Buffer.from(kv.value, 'base64').toString() };
  }

  async read(key: string): Promise<Record<string, unknown>> {
    const found = await this.find(key);
    if (!found) throw new Error(`nothing stands at ${key}`);
    return JSON.parse(found.value) as Record<string, unknown>;
  }

  /** An instance that is registered, and somebody else who watches its service. */
  async fleet(host?: string, options?: Partial<EtcdOptions>) {
    const { registry, events } = this.connect(host, options);
    const registration: Registration = registry.register(someInstance());
    await registration.registered;
    const watch = follow(this.connect(host, options).registry, registration.instance.service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    return { registration, events, watch, key: keyOf(registration.instance) };
  }
}

let services = 0;

/** Of a service of its own, so that specs can share one etcd. */
export function someInstance(init: Partial<InstanceInit> = {}): ServiceInstance {
  const name = `${process.pid}-${services++}`;
  const own = { id: `i-${name}`, service: `s-${name}`, generation: `g-${name}`, address: '10.0.0.1:50051', peer: 1 };
  return createInstance({ ...own, ...init });
}

export function keyOf({ service, id, group }: ServiceInstance): string {
  return `rookery/${group ? 'groups' : 'services'}/${service}/${id}`;
}

export function statesOf(events: readonly RookeryEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'registration.changed' ? [event.state] : []));
}

export function follow(registry: Registry, service: string): Follower {
  const batches: (readonly ServiceChange[])[] = [];
  const faults: unknown[] = [];
  const end = new AbortController();
  const run = async () => {
    while (!end.signal.aborted) {
      try {
        for await (const batch of registry.watch(service, end.signal)) batches.push(batch);
      } catch (error) {
        faults.push(error);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const over = run();
  const stop = () => {
    end.abort();
    return over;
  };
  return { batches, faults, changes: (from = 0) => batches.flat().slice(from), stop };
}
