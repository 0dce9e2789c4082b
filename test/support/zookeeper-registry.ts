import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { eventually, startZooKeeper, type ZooKeeperServer } from 'rookery/testing';
import type { Registration, Registry } from 'rookery/core';
import { zookeeper, type ZooKeeperOptions } from 'rookery/zookeeper';
import { follow, someInstance, type Connection as Handle } from './etcd-registry.js';

export { follow, someInstance, statesOf } from './etcd-registry.js';

/** What stands at a path. */
export interface Found {
  readonly data: string;
  /** The session that it goes with, as ZooKeeper writes it; `0x0` is none. */
  readonly owner: string;
}

/** A real ZooKeeper for the specs of one file, and registries on it that end with each spec. */
export class ZooKeeperBench {
  readonly #open = new Set<Registry>();
  #server: ZooKeeperServer | undefined;

  constructor() {
    beforeAll(async () => {
      this.#server = await startZooKeeper();
    }, 60_000);
    afterEach(async () => {
      this.server.kill('SIGCONT');
      await this.closeAll();
    });
    afterAll(() => this.#server?.stop());
  }

  get server(): ZooKeeperServer {
    if (!this.#server) throw new Error('ZooKeeper runs only while specs run');
    return this.#server;
  }

  connect(hosts: string | readonly string[] = this.server.host, options: Partial<ZooKeeperOptions> = {}): Handle {
    const registry = zookeeper({ hosts, ttlMs: 2000, ...options });
    const events: Handle['events'][number][] = [];
    registry.events.on((event) => events.push(event));
    this.#open.add(registry);
    return { registry, events };
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((registry) => registry[Symbol.asyncDispose]()));
    this.#open.clear();
  }

  async find(path: string): Promise<Found | undefined> {
    const answer = await this.server.zkCli('get', '-s', path).catch((error: unknown) => {
      if (String(error).includes(`Node does not exist: ${path}`)) return undefined;
      throw error;
    });
    const [, data = '', owner = ''] = /^(.*)\ncZxid = .*\nephemeralOwner = (0x\w+)$/ms.exec(answer ?? '') ?? [];
    return answer === undefined ? undefined : { data, owner };
  }

  async read(path: string): Promise<Record<string, unknown>> {
    const found = await this.find(path);
    if (!found) throw new Error(`nothing stands at ${path}`);
    return JSON.parse(found.data) as Record<string, unknown>;
  }

  /** Something that stays, with all that is above it. */
  async create(path: string, data: string): Promise<void> {
    const parts = path.split('/').slice(1);
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = `/${parts.slice(0, depth).join('/')}`;
      if (!(await this.find(parent))) await this.server.zkCli('create', parent, '');
    }
    await this.server.zkCli('create', path, data);
  }

  /** An instance that is registered, and somebody else who watches its service. */
  async fleet(host?: string, options?: Partial<ZooKeeperOptions>) {
    const { registry, events } = this.connect(host, options);
    const registration: Registration = registry.register(someInstance());
    await registration.registered;
    const watch = follow(this.connect(host, options).registry, registration.instance.service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    return { registration, events, watch, path: pathOf(registration.instance) };
  }
}

export function pathOf({ service, id, group }: Registration['instance']): string {
  return `/rookery/${group ? 'groups' : 'services'}/${service}/${id}`;
}
