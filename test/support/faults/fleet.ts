import type { Directory, Registry } from 'rookery/core';
import { createDirectory } from 'rookery/grpc';
import { etcd, type EtcdOptions } from 'rookery/etcd';
import { createRecorder, eventually, validate, type ValidateOptions } from 'rookery/testing';
import { expect } from 'vitest';
import { FaultCaller, type CallerOptions } from './caller.js';
import { FaultInstance } from './instance.js';
import { SERVICE } from './service.js';

export interface FleetOptions extends CallerOptions {
  readonly instances?: number;
  readonly clients?: number;
  /** How an instance, or a client, reaches the registry. */
  readonly registry: (who: 'instance' | 'client') => Registry;
  /** How a client makes its directory; default `createDirectory`. */
  readonly directory?: (registry: Registry) => Directory;
}

/** Servers and clients on a real registry, in one process, and a record of what becomes of every call. */
export class FaultFleet implements AsyncDisposable {
  readonly recorder = createRecorder();
  readonly instances = new Map<string, FaultInstance>();
  readonly clients: FaultCaller[] = [];
  /** Instances whose registration is not accepted yet. */
  readonly joining: Promise<unknown>[] = [];
  /** Those that were ended by hand, and their connections. */
  readonly #gone: FaultInstance[] = [];

  private constructor(private readonly options: FleetOptions) {}

  /** Resolves once every client has had an answer of every instance; clients may also `join` later. */
  static async start(options: FleetOptions): Promise<FaultFleet> {
    const fleet = new FaultFleet(options);
    await Promise.all(Array.from({ length: options.instances ?? 3 }, () => fleet.add()));
    for (let i = 0; i < (options.clients ?? 2); i += 1) fleet.join();
    if (fleet.clients.length > 0) await fleet.answersFrom([...fleet.instances.keys()]);
    return fleet;
  }

  get any(): FaultInstance {
    return [...this.instances.values()][0]!;
  }

  /** One more client begins to call. */
  join(): FaultCaller {
    const { registry, directory = createDirectory } = this.options;
    const own = registry('client');
    // What one of them hears, all of them do.
    if (this.clients.length === 0) {
      own.events.on((event) => {
        if (event.type === 'instance.removed' && event.cause === 'lost') this.recorder.step(SERVICE, event.id, 'lost');
      });
    }
    const client = new FaultCaller(own, this.recorder, this.options, directory(own));
    this.clients.push(client);
    return client;
  }

  async add(): Promise<FaultInstance> {
    const instance = await FaultInstance.start(this.options.registry('instance'), this.recorder);
    this.instances.set(instance.id, instance);
    return instance;
  }

  async remove(instance = this.any): Promise<void> {
    this.instances.delete(instance.id);
    this.#gone.push(instance);
    await instance.leave();
  }

  /** Everybody is asked from here on. */
  async answersFrom(ids: readonly string[]): Promise<void> {
    const { calls } = this.recorder.history;
    const from = calls.length;
    await eventually(
      () => {
        const answered = new Set(calls.slice(from).flatMap(({ instance, error }) => (error ? [] : [instance])));
        for (const id of ids) expect(answered).toContain(id);
      },
      { timeoutMs: 30_000 },
    );
  }

  /**
   * Registered again, known to every client, and called: what must be true some time after the last fault.
   * @param registered the ids in the registry
   */
  async recovers(
    registered: () => Promise<readonly string[]>,
    { timeoutMs = 30_000, calls = true } = {},
  ): Promise<void> {
    const ids = [...this.instances.keys()].toSorted();
    await eventually(
      async () => {
        expect((await registered()).toSorted(), 'the registry').toEqual(ids);
        for (const { registration } of this.instances.values())
          expect(registration.state, 'a registration').toBe('registered');
        for (const { view } of this.clients) expect(view.toSorted(), 'a view').toEqual(ids);
      },
      { timeoutMs },
    );
    if (calls) await this.answersFrom(ids);
  }

  /** Lets the running calls end, and starts no more. */
  async stopCalls(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.stop()));
  }

  /** Ends the calls, and holds all that happened against the rules. */
  async verify(registered: () => Promise<readonly string[]>, options?: ValidateOptions): Promise<void> {
    await this.end(registered);
    const violations = validate(this.recorder.history, options).map(({ rule, text }) => `${rule}: ${text}`);
    expect({ count: violations.length, first: violations.slice(0, 10) }).toEqual({ count: 0, first: [] });
  }

  /** Ends the calls, and writes down what stands by then. */
  async end(registered: () => Promise<readonly string[]>): Promise<void> {
    await this.stopCalls();
    // A lease that was renewed at its last moment may still run out, and is replaced then.
    await this.recovers(registered, { calls: false }).catch(() => {});
    const all = [...this.instances.values(), ...this.#gone];
    this.recorder.end({
      service: SERVICE,
      running: [...this.instances.keys()],
      registered: await registered(),
      views: Object.fromEntries(this.clients.map(({ view }, i) => [`client ${i}`, view])),
      connections: Object.fromEntries(all.map(({ id, proxy }) => [id, proxy.accepted])),
      clients: 1,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.clients.map((client) => client[Symbol.asyncDispose]()));
    await Promise.all([...this.instances.values()].map((instance) => instance[Symbol.asyncDispose]()));
  }
}

/** A registry for each who asks. */
export function onEtcd(hosts: EtcdOptions['hosts'], options: Partial<EtcdOptions> = {}): FleetOptions['registry'] {
  return () => etcd({ hosts, ttlMs: 5000, ...options });
}
