import type { Time } from 'rookery/core';
import { manualRegistry } from 'rookery/testing';
import { Server } from './server.js';
import type { VirtualTime } from './virtual-time.js';

export const SERVICE = 'simulated';

/** The servers, and what the registry says of them. */
export class Fleet {
  readonly registry = manualRegistry();
  readonly #servers = new Map<string, Server>();
  readonly #lives = new Map<Server, { readonly from: number; to: number; ranBefore: number }>();
  #zones = new Map<Server, string>();
  #next = 0;

  constructor(private readonly time: VirtualTime) {}

  /** Starts a server, and registers it. */
  join(zone?: string): Server {
    const id = `i-${this.#next++}`;
    const server = new Server(`${id}:50051`, this.time as Time);
    this.#servers.set(server.address, server);
    this.#lives.set(server, { from: this.time.now(), to: Infinity, ranBefore: 0 });
    if (zone !== undefined) this.#zones.set(server, zone);
    this.registry.set(SERVICE, { id, address: server.address, peer: 1, ...(zone !== undefined && { zone }) });
    this.time.settle();
    return server;
  }

  /** It deregisters as a stopping server does: `draining`, then gone. What runs on it finishes. */
  leave(server: Server): void {
    const id = server.address.split(':')[0]!;
    this.registry.set(SERVICE, { id, status: 'draining' });
    this.registry.leave(SERVICE, id);
    this.#lives.get(server)!.to = this.time.now();
    this.time.settle();
  }

  /** By address; of servers that have left, too. */
  at(address: string): Server {
    return this.#servers.get(address)!;
  }

  /** Oldest first. */
  get servers(): readonly Server[] {
    return [...this.#servers.values()];
  }

  inZone(zone: string): readonly Server[] {
    return this.servers.filter((server) => this.#zones.get(server) === zone);
  }

  /** Loads are counted from here on. */
  mark(): void {
    for (const [server, life] of this.#lives) life.ranBefore = server.ran;
  }

  /** Calls per second of each server that was registered for a second or more since `fromMs`. */
  loads(fromMs: number): readonly number[] {
    const now = this.time.now();
    return [...this.#lives].flatMap(([server, { from, to, ranBefore }]) => {
      const seconds = (Math.min(to, now) - Math.max(from, fromMs)) / 1000;
      return seconds < 1 ? [] : [(server.ran - ranBefore) / seconds];
    });
  }
}
