import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { ServiceChange } from '../core/change.js';
import { createDirectory } from '../core/directory.js';
import { RookeryError } from '../core/errors.js';
import type { RookeryEvent } from '../core/event.js';
import { createInstance } from '../core/instance.js';
import type { Registry } from '../core/registry.js';
import { pause } from '../core/time.js';
import { Observer } from '../testing/conformance/observer.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import { manualRegistry, type ManualRegistry } from '../testing/manual-registry.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { composite } from './composite.js';
import { etcd } from './etcd/index.js';
import { memory, processMemory } from './memory.js';
import { staticRegistry } from './static.js';

const fixture = (registry: Registry, other?: Registry) => ({
  registry,
  ...(other && { other }),
  dispose: async () => {
    await other?.[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  },
});

describe.each([
  ['one registry', () => [memory()]],
  ['a list and a registry', () => [staticRegistry([{ service: 'other', address: 'h:1' }]), memory()]],
  ['a composite', () => [manualRegistry(), composite([manualRegistry(), memory()])]],
])('composite of %s conforms:', (_, sources) => {
  const make = () => Promise.resolve(fixture(composite(sources())));
  for (const { name, run } of registryConformance(make)) it(name, run);
});

describe('composite handles on one registry conform:', () => {
  const make = () => Promise.resolve(fixture(composite([processMemory('c')]), composite([processMemory('c')])));
  for (const { name, run } of registryConformance(make)) it(name, run);
});

describe('composite of lists conforms:', () => {
  const list = (address: string) => staticRegistry([{ service: 'users', address }]);
  const make = () =>
    Promise.resolve({
      ...fixture(composite([list('10.0.0.2:1'), list('10.0.0.1:1')])),
      known: { service: 'users', ids: ['10.0.0.2-1', '10.0.0.1-1'] },
    });
  for (const { name, run } of registryConformance(make, { readOnly: true })) it(name, run);
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Staged {
  readonly a: ManualRegistry;
  readonly b: ManualRegistry;
  readonly registry: Registry;
  readonly time: FakeTime;
  readonly events: RookeryEvent[];
  readonly observe: () => Observer;
}

/** Two sources that a spec moves by hand, as one. */
function stage(...more: Registry[]): Staged {
  const [a, b, time] = [manualRegistry(), manualRegistry(), fakeTime()];
  const registry = composite([a, b, ...more], { time, random: () => 0.5 });
  const events: RookeryEvent[] = [];
  registry.events.on((event) => events.push(event));
  cleanups.push(async () => registry[Symbol.asyncDispose]());
  const observe = () => {
    const observer = new Observer(registry, 's');
    cleanups.unshift(() => observer.stop());
    return observer;
  };
  return { a, b, registry, time, events, observe };
}

/** A registry whose watches are these. */
const watching = (watch: Registry['watch'], registry: Registry = manualRegistry()) =>
  Object.assign(registry, { watch });

const silent = () =>
  watching(async function* (_service, signal) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    yield [];
  });

const told = (events: readonly RookeryEvent[]) =>
  events.flatMap((event) => (event.type.startsWith('source.') ? [event.type] : []));
const down = new Error('no route');

describe('composite', () => {
  it('begins with what all sources say, the first one’s entries and route counting', async () => {
    const { a, b, observe } = stage();
    a.set('s', { id: 'a', address: 'h:1' });
    b.set('s', { id: 'hidden', address: 'h:1' });
    b.set('s', { id: 'b', address: 'h:2' });
    b.route('s', { type: 'any' });
    const observer = await observe().ready();
    expect([observer.batches.length, observer.ids, observer.route]).toEqual([1, ['a', 'b'], { type: 'any' }]);
    a.lose('s', 'a');
    await observer.until(() => expect(observer.ids.toSorted()).toEqual(['b', 'hidden']));
    expect(observer.deltas.slice(-2)).toMatchObject([{ type: 'added' }, { type: 'removed', cause: 'lost' }]);
  });

  it('waits a second for a source that says nothing, from the first answer on', async () => {
    const { a, b, time, observe } = stage(silent());
    a.set('s', { id: 'a' });
    const observer = observe();
    await time.advanceAsync(999);
    expect(observer.batches).toEqual([]);
    await time.advanceAsync(1);
    expect(observer.ids).toEqual(['a']);
    b.set('s', { id: 'b' });
    await observer.until(() => expect(observer.ids).toEqual(['a', 'b']));
  });

  it('begins at once where a source fails, and tells it; what comes later are changes', async () => {
    const { a, b, time, events, observe } = stage();
    a.down(down);
    a.set('s', { id: 'a' });
    b.set('s', { id: 'b' });
    const observer = await observe().ready();
    expect(observer.ids).toEqual(['b']);
    expect(events).toMatchObject([{ type: 'source.failed', service: 's', source: 'manual:', error: down }]);
    a.up();
    await time.advanceAsync(50);
    expect(observer.ids).toEqual(['b', 'a']);
    expect(told(events)).toEqual(['source.failed', 'source.restored']);
    expect(
      observer.batches
        .slice(1)
        .flat()
        .map(({ type }) => type),
    ).toEqual(['set']);
  });

  it('keeps what a source said last while it fails, and tries it less and less often', async () => {
    const { a, b, time, events, observe } = stage();
    a.set('s', { id: 'a' });
    b.set('s', { id: 'b' });
    const observer = await observe().ready();
    let tries = 0;
    const watch = a.watch.bind(a);
    watching((...args) => ((tries += 1), watch(...args)), a);
    a.down(down);
    await time.advanceAsync(10_000);
    // Half of 100, 200 … 5000 ms: at 50, 150, 350, 750, 1550, 3150, 5650 and 8150.
    expect(tries).toBe(8);
    b.set('s', { id: 'c' });
    await observer.until(() => expect(observer.ids).toEqual(['a', 'b', 'c']));
    a.lose('s', 'a');
    a.up();
    await time.advanceAsync(2500);
    expect(observer.ids).toEqual(['b', 'c']);
    expect(told(events)).toEqual(['source.failed', 'source.restored']);
  });

  it('fails where all sources do, with what each says, and remembers what they said before', async () => {
    const { a, b, events, observe } = stage();
    a.set('s', { id: 'a' });
    b.set('s', { id: 'b' });
    const first = await observe().ready();
    a.down(down);
    b.down(new Error('no such file'));
    await eventually(() => expect(first.ended).toBe(true));
    expect(first.error).toMatchObject({
      code: 'ROOKERY_REGISTRY_UNREACHABLE',
      path: 'composite:(manual: + manual:)',
      message: expect.stringContaining('(manual:: no route; manual:: no such file)') as string,
    });
    const second = observe();
    await eventually(() => expect(second.ended).toBe(true));
    b.up();
    const third = await observe().ready();
    expect(third.ids).toEqual(['a', 'b']);
    expect(told(events)).toEqual(['source.failed', 'source.failed', 'source.restored']);
  });

  it('fails where the only one that answered does, whoever else is silent', async () => {
    const a = manualRegistry();
    const time = fakeTime();
    const registry = composite([a, silent()], { time });
    const observer = new Observer(registry, 's');
    await time.advanceAsync(1000);
    a.down(down);
    await eventually(() => expect(String(observer.error)).toContain('it says nothing'));
  });

  it('is given up by a directory only where no source can be healed by waiting', async () => {
    const { a, b, registry, time } = stage();
    const [one, two] = [manualRegistry(), manualRegistry()];
    const closed = new RookeryError('ROOKERY_REGISTRY_CLOSED', { found: 'closed.', remedy: 'None.' });
    for (const each of [one, two, a]) {
      each.down(closed);
    }
    b.set('s', { id: 'b' });
    const statusOf = async (of: Registry) => {
      await using directory = createDirectory(of, { time, random: () => 0 });
      using _ = directory.subscribe('s', () => {});
      return await eventually(() => {
        const view = directory.view('s');
        expect(view.status).not.toBe('pending');
        return view.status;
      });
    };
    expect(await statusOf(registry)).toBe('known');
    expect(await statusOf(composite([one, two], { time }))).toBe('failed');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'reset'],
    ['a change of no kind', [{ type: 'gone' }]],
    ['an instance of nobody', [{ type: 'reset', instances: [{ id: 'x' }] }]],
    ['half of a batch', [{ type: 'set', instance: createInstance({ id: 'x', service: 's', address: 'h:1' }) }, null]],
  ])('takes nothing of a source that says %s', async (_, garbage) => {
    const { a, b, events, observe, time } = stage();
    b.set('s', { id: 'b' });
    watching(async function* () {
      yield garbage as ServiceChange[];
    }, a);
    const observer = await observe().ready();
    await time.advanceAsync(1000);
    expect(observer.ids).toEqual(['b']);
    expect(told(events)).toEqual(['source.failed']);
  });

  it('tries a source again that ends, or throws before it says anything', async () => {
    const { a, b, time, events, observe } = stage();
    b.set('s', { id: 'b' });
    let tries = 0;
    const watch = a.watch.bind(a);
    watching((...args) => {
      tries += 1;
      if (tries === 1) throw undefined;
      return tries === 2 ? Readable.from([]) : watch(...args);
    }, a);
    a.set('s', { id: 'a' });
    const observer = await observe().ready();
    await time.advanceAsync(5000);
    expect(observer.ids).toEqual(['b', 'a']);
    expect(told(events)).toEqual(['source.failed', 'source.restored']);
  });

  it('tries a source that breaks after each answer less and less often, until it has held for a second', async () => {
    const { a, b, time, observe } = stage();
    b.set('s', { id: 'b' });
    const tries: number[] = [];
    let heldMs = 0;
    watching(async function* (_service, signal) {
      tries.push(time.now());
      yield [{ type: 'reset', instances: [] }];
      if (heldMs > 0) await pause(time, heldMs, signal);
    }, a);
    await observe().ready();
    await time.advanceAsync(800);
    expect(tries).toEqual([0, 50, 150, 350, 750]);
    heldMs = 1000;
    await time.advanceAsync(2000);
    // The try at 1550 holds until 2550, and the next one comes as after the first fault.
    expect(tries.slice(5)).toEqual([1550, 2600]);
  });

  it('leaves no timer and no watch behind, whenever it is aborted', async () => {
    const { a, time, observe } = stage(silent());
    const waiting = observe();
    await time.advanceAsync(0);
    expect(time.timers).toBe(1);
    await waiting.stop();
    a.down(down);
    const trying = observe();
    await time.advanceAsync(0);
    expect(time.timers).toBe(2);
    await trying.stop();
    await time.advanceAsync(0);
    expect([time.timers, waiting.error, trying.error]).toEqual([0, undefined, undefined]);
    await a.settled();
  });

  it('takes ten thousand entries of two sources that tell the same', async () => {
    const { a, b, observe } = stage();
    for (let i = 0; i < 10_000; i += 1) for (const each of [a, b]) each.set('s', { id: `i${i}` });
    const observer = await observe().ready();
    expect([observer.batches.length, observer.instances.length]).toEqual([1, 10_000]);
    a.down(down);
    b.lose('s', ...observer.ids.slice(0, 5000));
    await b.settled();
    expect([observer.batches.length, observer.instances.length]).toEqual([1, 10_000]);
  });

  it('registers with the first source that takes registrations, and tells who sees it', async () => {
    const [list, first, second] = [staticRegistry([]), memory(), memory()];
    const registry = composite([list, first, second]);
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    await registry.register(createInstance({ id: 'a', service: 's', address: 'h:1' })).registered;
    expect(events).toMatchObject([{ type: 'registration.changed', state: 'registered' }]);
    expect((await new Observer(first, 's').ready()).ids).toEqual(['a']);
    expect((await new Observer(second, 's').ready()).ids).toEqual([]);
    await registry.steer!.setRoute('s', { type: 'any' });
    expect((await new Observer(first, 's').ready()).route).toEqual({ type: 'any' });
    expect(registry.capabilities).toMatchObject({ register: true, reach: 'process', lease: false, propagationMs: 0 });
    await registry[Symbol.asyncDispose]();
    expect((await new Observer(first, 's').ready()).ids).toEqual([]);
  });

  it('combines what its sources can do', async () => {
    const store = etcd({ hosts: '10.0.0.1:2379', username: 'u', password: 'secret' });
    const registry = composite([staticRegistry([]), store, memory()]);
    expect(registry.name).toBe('composite:(static: + etcd://10.0.0.1:2379/rookery + memory:)');
    expect(registry.hosts).toEqual(['10.0.0.1:2379']);
    expect(registry.capabilities).toMatchObject({ steer: true, routes: true, propagationMs: 1000, reach: 'network' });
    await registry[Symbol.asyncDispose]();
    const readOnly = composite([staticRegistry([]), manualRegistry()]);
    expect(readOnly.capabilities).toMatchObject({ register: false, reach: 'network' });
    expect(() => readOnly.register(createInstance({ id: 'a', service: 's', address: 'h:1' }))).toThrow(
      'ROOKERY_REGISTRY_READONLY at registry: found composite:(static: + manual:), none of whose sources',
    );
  });

  it('is over once it is closed, with all of its sources, also where one cannot end', async () => {
    const [broken, fine] = [manualRegistry(), memory()];
    broken[Symbol.asyncDispose] = () => Promise.reject(down);
    const registry = composite([broken, fine]);
    const registration = registry.register(createInstance({ id: 'a', service: 's', address: 'h:1' }));
    const observer = await new Observer(registry, 's').ready();
    await expect(registry[Symbol.asyncDispose]()).rejects.toBe(down);
    await eventually(() => expect([observer.ended, observer.error]).toEqual([true, undefined]));
    expect(registration.state).toBe('released');
    const late = new Observer(registry, 's');
    await eventually(() => expect(late.error).toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' }));
    await expect(registry.steer!.setRoute('s', { type: 'any' })).rejects.toMatchObject({
      code: 'ROOKERY_REGISTRY_CLOSED',
    });
  });

  const one = memory();
  it.each([
    [[], 'ROOKERY_OPTION_INVALID at registry: found no registry.'],
    [undefined, 'ROOKERY_OPTION_INVALID at registry: found undefined.'],
    [one, 'ROOKERY_OPTION_INVALID at registry: found an object.'],
    [[one, 'etcd://h'], 'ROOKERY_OPTION_INVALID at registry[1]: found "etcd://h", which is no registry.'],
    [[one, null], 'ROOKERY_OPTION_INVALID at registry[1]: found null, which is no registry.'],
    [[one, { watch() {} }], 'ROOKERY_OPTION_INVALID at registry[1]: found an object, which is no registry.'],
    [[one, memory(), one], 'ROOKERY_OPTION_INVALID at registry[2]: found memory: for the second time.'],
  ])('refuses %#', (sources, message) => {
    expect(() => composite(sources as never)).toThrow(message);
  });

  it('refuses options that do not exist', () => {
    expect(() => composite([one], { tiem: 1 } as never)).toThrow('registry.tiem: there is no such option');
  });
});
