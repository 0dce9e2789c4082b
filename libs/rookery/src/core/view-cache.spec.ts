import { beforeEach, describe, expect, it } from 'vitest';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import { manualRegistry, type ManualRegistry } from '../testing/manual-registry.js';
import type { ServiceDelta } from './change.js';
import { createDirectory, type Directory } from './directory.js';
import { RookeryError } from './errors.js';
import type { RookeryEvent } from './event.js';
import { createInstance } from './instance.js';
import type { ViewCache, ViewSnapshot } from './view-cache.js';
import type { KnownView } from './view.js';

/** A cache whose snapshots a spec gives, and which notes what it is given. */
class NotedCache implements ViewCache {
  readonly saved: { service: string; ids: string[]; view: KnownView }[] = [];
  loads = 0;
  flushes = 0;
  snapshot: Promise<ViewSnapshot | undefined> = Promise.resolve(undefined);

  load(): Promise<ViewSnapshot | undefined> {
    this.loads += 1;
    return this.snapshot;
  }

  save(service: string, view: KnownView): void {
    this.saved.push({ service, ids: [...view.instances.keys()], view });
  }

  async flush(): Promise<void> {
    this.flushes += 1;
  }

  has(...ids: string[]): void {
    const instances = ids.map((id) => createInstance({ id, service: 's', address: `${id}:1`, weight: 7 }));
    this.snapshot = Promise.resolve({ instances, route: { type: 'any' }, ageMs: 60_000 });
  }
}

let time: FakeTime;
let registry: ManualRegistry;
let cache: NotedCache;
let events: RookeryEvent[];
let heard: ServiceDelta['type'][][];
let directory: Directory;
let hung: Promise<void> | undefined;

beforeEach(() => {
  time = fakeTime();
  registry = manualRegistry();
  cache = new NotedCache();
  events = [];
  heard = [];
  hung = undefined;
  const watch = registry.watch.bind(registry);
  registry.watch = async function* (service, signal) {
    await hung;
    if (!signal.aborted) yield* watch(service, signal);
  };
  const emit = (event: RookeryEvent) => void events.push(event);
  directory = createDirectory(registry, { time, random: () => 1, emit, cache });
});

const follow = () => directory.subscribe('s', (deltas) => heard.push(deltas.map(({ type }) => type)));
const settle = () => time.advanceAsync(0);
const types = () => events.map(({ type }) => type);

/** The registry takes every question and answers none, until the function that is returned is called. */
function hang(): () => void {
  let go = () => {};
  hung = new Promise((resolve) => (go = resolve));
  return () => {
    hung = undefined;
    go();
  };
}

function known(): KnownView {
  const view = directory.view('s');
  return view.status === 'known' ? view : expect.fail(`the view is ${view.status}`);
}

describe('a snapshot', () => {
  it('is in use as soon as the first try breaks, stale, with all it holds', async () => {
    cache.has('a', 'b');
    registry.down();
    follow();
    await settle();
    expect([...known().instances.values()].map(({ id, weight }) => [id, weight])).toEqual([
      ['a', 7],
      ['b', 7],
    ]);
    expect(known()).toMatchObject({ route: { type: 'any' }, staleSince: 0 });
    expect(heard[0]).toEqual(['added', 'added', 'route']);
    expect(events).toMatchObject([
      { type: 'snapshot.used', service: 's', instances: 2, ageMs: 60_000 },
      { type: 'watch.broken', stale: true, retryInMs: 100 },
    ]);
  });

  it('is in use after a second in which a registry that hangs says nothing, and not before', async () => {
    cache.has('a');
    hang();
    follow();
    await time.advanceAsync(999);
    expect([directory.view('s').status, cache.loads]).toEqual(['pending', 0]);
    await time.advanceAsync(1);
    expect([...known().instances.keys()]).toEqual(['a']);
    expect(known().staleSince).toBe(1000);
    expect(types()).toEqual(['snapshot.used']);
  });

  it('is not even looked for where the registry answers', async () => {
    cache.has('a');
    follow();
    await time.advanceAsync(10_000);
    registry.down();
    await time.advanceAsync(10_000);
    expect([cache.loads, known().instances.size]).toEqual([0, 0]);
  });

  it('gives way to the first answer: who is gone is lost, who is the same is not told again', async () => {
    cache.has('gone', 'same');
    const go = hang();
    follow();
    await time.advanceAsync(1000);
    registry.set('s', { id: 'same', address: 'same:1', weight: 7 });
    registry.set('s', { id: 'new' });
    registry.route('s', { type: 'any' });
    go();
    await settle();
    expect([...known().instances.keys()]).toEqual(['same', 'new']);
    expect(known().staleSince).toBeUndefined();
    expect(heard.at(-1)).toEqual(['removed', 'added']);
    expect(events.slice(1)).toMatchObject([
      { type: 'instance.removed', id: 'gone', cause: 'lost' },
      { type: 'view.changed', instances: 2 },
    ]);
  });

  it('gives way also where the answer says the same: the view is no longer stale', async () => {
    cache.has('a');
    registry.down();
    follow();
    await settle();
    registry.set('s', { id: 'a', address: 'a:1', weight: 7 });
    registry.route('s', { type: 'any' });
    registry.up();
    await time.advanceAsync(100);
    expect(known().staleSince).toBeUndefined();
    expect(heard.at(-1)).toEqual([]);
    expect(types().at(-1)).toBe('view.changed');
  });

  it('that comes after the answer is not used', async () => {
    let arrive!: (snapshot: ViewSnapshot) => void;
    cache.snapshot = new Promise((resolve) => (arrive = resolve));
    const go = hang();
    follow();
    await time.advanceAsync(1000);
    registry.set('s', { id: 'true' });
    go();
    await settle();
    arrive({ instances: [createInstance({ id: 'old', service: 's', address: 'old:1' })], ageMs: 0 });
    await settle();
    expect([...known().instances.keys()]).toEqual(['true']);
    expect(types()).toEqual(['view.changed']);
  });

  it('that a slow disk holds back keeps nobody from trying the registry again, and is used when it comes', async () => {
    let arrive!: (snapshot: ViewSnapshot) => void;
    cache.snapshot = new Promise((resolve) => (arrive = resolve));
    registry.down();
    follow();
    await time.advanceAsync(1000);
    expect(events).toMatchObject([{ type: 'watch.broken', stale: false }]);
    await time.advanceAsync(5000);
    expect([types().length > 2, cache.loads]).toEqual([true, 1]);
    arrive({ instances: [createInstance({ id: 'a', service: 's', address: 'a:1' })], ageMs: 0 });
    await settle();
    expect([...known().instances.keys()]).toEqual(['a']);
  });

  it('of no instance, like none at all, leaves calls waiting', async () => {
    cache.has();
    registry.down();
    follow();
    await time.advanceAsync(10_000);
    expect([directory.view('s').status, cache.loads]).toEqual(['pending', 1]);
    expect(types()).not.toContain('snapshot.used');
  });

  it('heals nothing that waiting cannot heal', async () => {
    cache.has('a');
    registry.down(new RookeryError('ROOKERY_NAME_INVALID', { found: 'found x.', remedy: 'Do y.' }));
    follow();
    await time.advanceAsync(10_000);
    expect([directory.view('s').status, cache.loads, time.timers]).toEqual(['failed', 0, 0]);
  });

  it('is asked for by every new watch', async () => {
    cache.has('a');
    registry.down();
    follow()[Symbol.dispose]();
    await time.advanceAsync(120_000);
    expect(directory.view('s').status).toBe('pending');
    follow();
    await settle();
    expect([known().instances.size, cache.loads]).toEqual([1, 2]);
  });
});

describe('what is kept', () => {
  it('is what the registry said: each answer, and as the same view where nothing is new', async () => {
    registry.set('s', { id: 'a' });
    follow();
    await settle();
    registry.set('s', { id: 'b' });
    await settle();
    registry.set('s', { id: 'b' });
    await settle();
    expect(cache.saved.map(({ ids }) => ids)).toEqual([['a'], ['a', 'b'], ['a', 'b']]);
    expect(cache.saved[1]!.view).toBe(cache.saved[2]!.view);
    expect(cache.saved[0]!.view).not.toBe(cache.saved[1]!.view);
  });

  it('is never what came from a snapshot, also not at the end', async () => {
    cache.has('a');
    registry.down();
    follow();
    await time.advanceAsync(60_000);
    await directory[Symbol.asyncDispose]();
    expect([cache.saved, cache.flushes]).toEqual([[], 1]);
  });

  it('is not that nobody is there, where a registry has lost them all', async () => {
    registry.set('s', { id: 'a' });
    follow();
    await settle();
    registry.lose('s', 'a');
    await settle();
    expect(cache.saved.map(({ ids }) => ids)).toEqual([['a']]);
    registry.set('s', { id: 'b' });
    registry.leave('s', 'b');
    await settle();
    expect(cache.saved.at(-1)?.ids).toEqual([]);
  });

  it('is not what is stale by now, at the end', async () => {
    registry.set('s', { id: 'a' });
    follow();
    await settle();
    registry.down();
    await settle();
    await directory[Symbol.asyncDispose]();
    expect(cache.saved).toHaveLength(1);
  });

  it('is given once more when the watch ends while it is true, and written before the directory is closed', async () => {
    registry.set('s', { id: 'a' });
    follow();
    await settle();
    await directory[Symbol.asyncDispose]();
    expect([cache.saved.length, cache.flushes, time.timers]).toEqual([2, 1, 0]);
  });

  it('does not keep a directory that is closed, where the disk hangs', async () => {
    cache.flush = () => new Promise(() => {});
    follow();
    await settle();
    const closed = directory[Symbol.asyncDispose]();
    await time.advanceAsync(1000);
    await closed;
  });

  it('leaves no timer behind when the directory closes before the registry has answered', async () => {
    const go = hang();
    follow();
    const closed = directory[Symbol.asyncDispose]();
    go();
    await closed;
    await time.advanceAsync(10_000);
    expect([time.timers, cache.loads]).toEqual([0, 0]);
  });
});
