import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectory, type Directory } from '../../core/directory.js';
import type { RookeryEvent } from '../../core/event.js';
import { createInstance } from '../../core/instance.js';
import type { Registry } from '../../core/registry.js';
import { systemRandom } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { eventually } from '../../testing/eventually.js';
import { startEtcd, type EtcdServer } from '../../testing/faults/etcd-server.js';
import { composite } from '../composite.js';
import { staticRegistry } from '../static.js';
import { registryFromUrl } from '../url.js';

describe('a composite of a real etcd and a list', { timeout: 60_000 }, () => {
  let etcd: EtcdServer;
  let registry: Registry;
  let directory: Directory;
  let writer: Registry;
  let events: RookeryEvent[];

  beforeEach(async () => {
    etcd = await startEtcd();
    writer = registryFromUrl(`etcd://${etcd.host}`, { ttlMs: 60_000 });
  });
  afterEach(async () => {
    etcd.kill('SIGCONT');
    await directory[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await etcd.stop();
    await writer[Symbol.asyncDispose]();
  });

  /** Starts to watch `s`: one instance in etcd, two in the list, one of which is that of etcd. */
  function watch(): void {
    const list = ['h:1', 'h:2'].map((address) => ({ service: 's', address }));
    registry = composite([registryFromUrl(`etcd://${etcd.host}`), staticRegistry(list)]);
    events = [];
    registry.events.on((event) => events.push(event));
    directory = createDirectory(registry, { time: systemTime, random: systemRandom, emit: registry.events.emit });
    directory.subscribe('s', () => {});
  }

  async function register(id: string, address: string): Promise<void> {
    await writer.register(createInstance({ id, service: 's', address, generation: 'g' })).registered;
  }

  const view = () => {
    const known = directory.view('s');
    if (known.status !== 'known') throw new Error(`it is ${known.status}`);
    return { ids: [...known.instances.keys()].toSorted(), stale: known.staleSince !== undefined };
  };
  const sees = (...ids: string[]) =>
    eventually(() => expect(view()).toEqual({ ids, stale: false }), { timeoutMs: 30_000 });
  const told = () => events.map(({ type }) => type).filter((type) => /source|broken/.test(type));
  const tells = (...types: string[]) => eventually(() => expect(told()).toEqual(types), { timeoutMs: 30_000 });

  it('goes on with all that was known when etcd is killed, and follows it when it is back', async () => {
    await register('one', 'h:1');
    watch();
    await sees('h-2', 'one');
    await etcd.crash();
    await tells('source.failed');
    expect(events.at(-1)).toMatchObject({ service: 's', source: `etcd://${etcd.host}/rookery` });
    expect(view()).toEqual({ ids: ['h-2', 'one'], stale: false });
    await etcd.restart();
    await register('two', 'h:3');
    await sees('h-2', 'one', 'two');
    expect(told()).toEqual(['source.failed', 'source.restored']);
  });

  it('begins with the list where etcd is down, and takes over what etcd says once it is up', async () => {
    await register('one', 'h:1');
    await etcd.crash();
    watch();
    await sees('h-1', 'h-2');
    expect(told()).toEqual(['source.failed']);
    await etcd.restart();
    await sees('h-2', 'one');
    expect(events).toContainEqual({ type: 'instance.removed', service: 's', id: 'h-1', cause: 'left' });
  });

  it('begins with the list within a second where etcd hangs, and takes over what etcd says once it goes on', async () => {
    await register('one', 'h:1');
    etcd.kill('SIGSTOP');
    watch();
    await sees('h-1', 'h-2');
    etcd.kill('SIGCONT');
    await sees('h-2', 'one');
  });

  it('loses nothing when etcd hangs while it is watched', async () => {
    await register('one', 'h:1');
    watch();
    await sees('h-2', 'one');
    etcd.kill('SIGSTOP');
    await tells('source.failed');
    expect(view()).toEqual({ ids: ['h-2', 'one'], stale: false });
    etcd.kill('SIGCONT');
    await tells('source.failed', 'source.restored');
    expect(view()).toEqual({ ids: ['h-2', 'one'], stale: false });
  });

  it('is stale where every source is down, and forgets nothing of what each said', async () => {
    await register('one', 'h:1');
    const [a, b] = [registryFromUrl(`etcd://${etcd.host}`), registryFromUrl(`etcd://${etcd.host}/other`)];
    registry = composite([a, b]);
    events = [];
    directory = createDirectory(registry, {
      time: systemTime,
      random: systemRandom,
      emit: (event) => events.push(event),
    });
    directory.subscribe('s', () => {});
    await sees('one');
    await etcd.crash();
    await eventually(() => expect(view()).toEqual({ ids: ['one'], stale: true }), { timeoutMs: 30_000 });
    await etcd.restart();
    await sees('one');
  });
});
