import { status, type ServiceError } from '@grpc/grpc-js';
import { createInstance, type Directory, type Registry, type RookeryEvent } from 'rookery/core';
import { etcd } from 'rookery/etcd';
import { createDirectory } from 'rookery/grpc';
import { createRecorder, eventually, startEtcd, type EtcdServer } from 'rookery/testing';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FaultCaller } from './caller.js';
import { FaultFleet } from './fleet.js';
import { registeredIn } from './registered.js';
import { SERVICE } from './service.js';

/** A fleet on a real etcd, and clients that begin only when the spec says so, with or without a snapshot. */
export class StartStage implements AsyncDisposable {
  /** What the clients' registries have told. */
  readonly events: RookeryEvent[] = [];
  /** Of the clients that begin from here on. */
  maxAgeMs = 60_000;
  readonly #callers: FaultCaller[] = [];

  private constructor(
    readonly etcd: EtcdServer,
    readonly dir: string,
    /** Has no client at first. */
    readonly fleet: FaultFleet,
  ) {}

  /** @param cached whether clients keep snapshots */
  static async open({ cached = true } = {}): Promise<StartStage> {
    const server = await startEtcd();
    const dir = mkdtempSync(join(tmpdir(), 'rookery-start-'));
    let stage: StartStage | undefined;
    const fleet = await FaultFleet.start({
      clients: 0,
      registry: (who) => (stage && who === 'client' ? stage.registry() : registryOn(server)),
      directory: (registry) => (cached ? stage!.directory(registry) : createDirectory(registry)),
    });
    return (stage = new StartStage(server, dir, fleet));
  }

  /** How many of these events were told. */
  count(type: RookeryEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  registry(prefix?: string): Registry {
    const registry = registryOn(this.etcd, prefix);
    registry.events.on((event) => this.events.push(event));
    return registry;
  }

  directory(registry: Registry): Directory {
    return createDirectory(registry, { cache: { dir: this.dir, maxAgeMs: this.maxAgeMs } });
  }

  /** An earlier process has a view, and ends; returns where its snapshot is. */
  async leaveSnapshot(prefix?: string): Promise<string> {
    const before = this.snapshots();
    await using registry = registryOn(this.etcd, prefix);
    // That nobody is there is no start for anybody, and is not kept.
    if (prefix !== undefined)
      await registry.register(createInstance({ id: 'somebody', service: SERVICE, address: '10.0.0.1:1' })).registered;
    await using directory = this.directory(registry);
    directory.subscribe(SERVICE, () => {});
    await eventually(() => expect(directory.view(SERVICE).status).toBe('known'));
    await directory[Symbol.asyncDispose]();
    const [made] = this.snapshots().filter((path) => !before.includes(path));
    return made!;
  }

  /** A client of which nobody expects that its calls succeed. */
  caller(timeoutMs: number, prefix?: string): FaultCaller {
    const registry = this.registry(prefix);
    const caller = new FaultCaller(registry, createRecorder(), { callers: 0, timeoutMs }, this.directory(registry));
    this.#callers.push(caller);
    return caller;
  }

  /** Calls that began while the registry was away have been answered by every instance. */
  async served(): Promise<void> {
    await this.fleet.answersFrom([...this.fleet.instances.keys()]);
    expect(this.failed()).toEqual([]);
  }

  failed(): (string | undefined)[] {
    return this.fleet.recorder.history.calls.flatMap(({ error }) => (error === undefined ? [] : [error]));
  }

  /** The registry is back: views follow it, and no call has failed since the beginning. */
  async follows(): Promise<void> {
    const registered = () => registeredIn(this.etcd);
    await this.fleet.recovers(registered);
    const gone = this.fleet.any;
    await this.fleet.remove(gone);
    await this.fleet.add();
    await this.fleet.recovers(registered);
    for (const { view } of this.fleet.clients) expect(view).not.toContain(gone.id);
    await this.fleet.verify(registered);
    expect(this.failed()).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.etcd.kill('SIGCONT');
    await Promise.all(this.#callers.map((caller) => caller[Symbol.asyncDispose]()));
    await this.fleet[Symbol.asyncDispose]();
    await this.etcd.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private snapshots(): string[] {
    return readdirSync(this.dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  }
}

/** The call waited for its deadline, and nobody was asked. */
export async function timesOut(call: Promise<string>): Promise<void> {
  const error = await call.then(
    () => expect.unreachable('it was answered'),
    (reason: unknown) => reason as ServiceError,
  );
  expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT' });
}

function registryOn(server: EtcdServer, prefix?: string): Registry {
  return etcd({ hosts: server.host, ttlMs: 5000, ...(prefix !== undefined && { prefix }) });
}
